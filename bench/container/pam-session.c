/* pam-session USER COMMAND...: runs a command in a remote graphical login session, as somebody would by hand. Root runs
 * it as a service of its own, for PAM keeps whoever is in a session already where they are. SIGTERM ends the command.
 */
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child;

static void end(int number) {
    if (child > 0) kill(child, number);
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *data) {
    (void)messages, (void)data;
    *responses = calloc(count, sizeof **responses);
    return *responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void check(int result, const char *what) {
    if (result == PAM_SUCCESS) return;
    fprintf(stderr, "pam-session: %s: %d\n", what, result);
    exit(1);
}

int main(int argc, char **argv) {
    static const char *const environment[] = {"XDG_SESSION_TYPE=wayland", "XDG_SESSION_CLASS=user",
                                              "XDG_SESSION_DESKTOP=gnome", "XDG_CURRENT_DESKTOP=GNOME"};
    struct pam_conv conversation = {converse, NULL};
    pam_handle_t *pam;
    struct passwd *user = argc > 2 ? getpwnam(argv[1]) : NULL;
    if (!user) return 2;
    check(pam_start("login", argv[1], &conversation, &pam), "start");
    check(pam_set_item(pam, PAM_RHOST, "192.0.2.1"), "rhost");
    check(pam_acct_mgmt(pam, 0), "account");
    for (size_t i = 0; i < sizeof environment / sizeof *environment; i++)
        check(pam_putenv(pam, environment[i]), "environment");
    initgroups(argv[1], user->pw_gid);
    check(pam_setcred(pam, PAM_ESTABLISH_CRED), "credentials");
    check(pam_open_session(pam, 0), "session");
    signal(SIGTERM, end);
    child = fork();
    if (child == 0) {
        signal(SIGTERM, SIG_DFL);
        clearenv();
        for (char **entry = pam_getenvlist(pam); *entry; entry++) putenv(*entry);
        setenv("HOME", user->pw_dir, 1);
        setenv("USER", argv[1], 1);
        setenv("LOGNAME", argv[1], 1);
        setenv("SHELL", user->pw_shell, 1);
        setenv("LANG", "C.UTF-8", 1);
        setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
        if (setgid(user->pw_gid) || setuid(user->pw_uid) || chdir(user->pw_dir)) _exit(1);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    while (waitpid(child, NULL, 0) == -1) continue;
    pam_close_session(pam, 0);
    pam_setcred(pam, PAM_DELETE_CRED);
    pam_end(pam, 0);
    return 0;
}
