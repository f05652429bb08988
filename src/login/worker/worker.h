/* remote-access-worker: one PAM transaction and the session it opens. The protocol is in PROTOCOL.md. */
#pragma once
#define _GNU_SOURCE

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pam_message;
struct pam_response;

/* The longest line in either direction, its newline included. */
#define LINE_MAX_BYTES 65536

/* What the peer said before `open`. */
struct login {
	char *user, *service, *rhost;
	char **environment; /* NAME=VALUE, for pam_putenv; ends with NULL */
	char **command;     /* argv; ends with NULL */
};

/* Who the session belongs to, read from the user database after PAM settled the name. */
struct account {
	char *name, *home, *shell;
	uid_t uid;
	gid_t gid;
};

/* wire.c: percent-encoding. */
char *wire_encode(char *to, const char *end, const char *text);
bool wire_decode(char *word);

/* peer.c: the one connection. */
bool peer_adopt(int fd);
bool peer_connected(void);
int peer_fd(void);
void peer_read(void (*line)(char *line));
void peer_drop(void);
void tell(const char *verb, ...) __attribute__((sentinel));

/* conversation.c: what PAM's modules say and ask. */
int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *unused);
bool conversation_begin(bool questions);
void conversation_end(void);
char *await(const char *verb);
void wipe(char *text);

/* kerberos.c: the proof that GSSAPI takes. */
int kerberos_probe(void);
bool kerberos_authenticate(struct login *login, struct account *account);
const char *kerberos_reply(void);
bool kerberos_keep(const struct account *account, char *name, size_t size);

/* transaction.c: libpam. */
bool transaction_authenticate(const struct login *login, struct account *account);
bool transaction_admit(const struct login *login, struct account *account);
void transaction_rejoin(const struct account *account);
bool transaction_check(const struct login *login, struct account *account);
bool transaction_begin(const struct login *login, struct account *account);
bool transaction_open(const struct login *login, const struct account *account);
const char *transaction_session(void);
char **transaction_environment(void);
void transaction_close(void);

/* child.c: the session's first process. */
pid_t child_start(char **command, const struct account *account, char **pam_environment, int *failure);
void child_report(int failure, const char *command);
void child_signal(pid_t pid, int signal);
bool child_reap(pid_t pid, bool kill_group, bool *exited, int *number);

/* sweep.c: what a worker leaves behind that cannot clean up itself. */
void sweep_remember_pam(const char *socket, const char *service, const char *user);
void sweep_remember_session(const char *socket, const char *session);
void sweep_forget(const char *socket, bool processes);
int sweep(const char *socket);

/* session.c: its state, and what the peer says about it. */
void session_begin(const char *socket);
bool session_done(void);
int session_failure_fd(void);
void session_announce(void);
void session_obey(char *line);
void session_proceed(void);
_Noreturn void session_abandon(void);
void session_terminate(void);
void session_child_spoke(void);
void session_child_ended(void);
void session_time_is_up(void);
void session_peer_changed(void);

/* main.c */
void timer_arm(int seconds);
