#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child tells through the pipe when it cannot become the command. */
struct failure {
	int number;
	char step[32];
};

static _Noreturn void fail(int pipe, const char *step)
{
	struct failure failure = {.number = errno};

	snprintf(failure.step, sizeof(failure.step), "%s", step);
	if (write(pipe, &failure, sizeof(failure)) < 0)
		_exit(126);
	_exit(127);
}

static void default_signals(void)
{
	sigset_t none;

	/* systemd starts services with SIGPIPE ignored, and the worker blocks what it reads from its signalfd. */
	for (int number = 1; number <= SIGRTMAX; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become(const struct account *account, int pipe)
{
	if (setresgid(account->gid, account->gid, account->gid) < 0)
		fail(pipe, "setting the group");
	if (setresuid(account->uid, account->uid, account->uid) < 0)
		fail(pipe, "setting the user");
	if (account->uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0) {
		errno = EPERM;
		fail(pipe, "giving up root");
	}
}

static void set_environment(const struct account *account, char **pam_environment, int pipe)
{
	environ = pam_environment;
	if (setenv("HOME", account->home, 1) < 0 || setenv("USER", account->name, 1) < 0 ||
	    setenv("LOGNAME", account->name, 1) < 0 || setenv("SHELL", account->shell, 1) < 0 ||
	    setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games", 0) < 0)
		fail(pipe, "setting the environment");
}

/*
 * Starts the command as the user in a process group of its own. `failure` becomes a pipe that ends without data once
 * the command runs; otherwise child_report says what it holds. Returns -1 with errno set if there is no child.
 */
pid_t child_start(char **command, const struct account *account, char **pam_environment, int *failure)
{
	int ends[2];
	pid_t worker = getpid();

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	pid_t pid = fork();
	if (pid != 0) {
		int number = errno;
		close(ends[1]);
		*failure = ends[0];
		if (pid < 0)
			close(ends[0]);
		errno = number;
		return pid;
	}
	int pipe = ends[1];
	setsid();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		fail(pipe, "opening /dev/null");
	/* PAM modules may have left descriptors open that nobody marked. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		fail(pipe, "closing descriptors");
	become(account, pipe);
	/* After the change of user, which clears it. Should the worker be killed, its session must not live on. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != worker)
		_exit(127);
	if (chdir(account->home) < 0)
		fail(pipe, "entering the home directory");
	set_environment(account, pam_environment, pipe);
	default_signals();
	execvp(command[0], command);
	fail(pipe, "executing");
}

/* Tells the peer why there is no command. */
void child_report(int pipe, const char *command)
{
	struct failure failure;
	char text[512];

	if (read(pipe, &failure, sizeof(failure)) != sizeof(failure))
		failure = (struct failure){.number = ECHILD, .step = "starting"};
	snprintf(text, sizeof(text), "%s, %s: %s", command, failure.step, strerror(failure.number));
	tell("failed", "exec", strerrorname_np(failure.number), text, NULL);
}

void child_signal(pid_t pid, int signal)
{
	/* The group exists only once the child got as far as setsid. */
	if (kill(-pid, signal) < 0)
		kill(pid, signal);
	if (signal == SIGTERM && kill(-pid, SIGCONT) < 0)
		kill(pid, SIGCONT);
}

/*
 * Reaps the child if it has ended: its exit status or the signal that killed it. With kill_group the rest of its
 * group ends with it; that is done before reaping, as the number may belong to another group afterwards.
 */
bool child_reap(pid_t pid, bool kill_group, bool *exited, int *number)
{
	siginfo_t end = {0};

	if (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid == 0)
		return false;
	if (kill_group)
		kill(-pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &end, WEXITED);
	*exited = end.si_code == CLD_EXITED;
	*number = end.si_status;
	return true;
}
