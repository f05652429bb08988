#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

static int timer = -1;

/* Sets the one timer; 0 stops it. */
void timer_arm(int seconds)
{
	struct itimerspec when = {.it_value.tv_sec = seconds};

	timerfd_settime(timer, 0, &when, NULL);
}

/*
 * Binds under another name first: whoever sees the socket's own name can connect. link() and not rename(), so that it
 * never takes the name of a worker that lives.
 */
static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s.new", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	mode_t mask = umask(077);
	bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 4) == 0 &&
		     link(address.sun_path, path) == 0;
	int number = errno;
	unlink(address.sun_path);
	umask(mask);
	errno = number;
	return bound ? fd : -1;
}

static int watch_signals(void)
{
	sigset_t watched;

	/* SIGHUP comes with SIGTERM when logind ends the session, as the worker is in its scope. */
	sigemptyset(&watched);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGHUP);
	sigaddset(&watched, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &watched, NULL) < 0)
		return -1;
	return signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_signals(int signals)
{
	struct signalfd_siginfo info;
	bool asked = false;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		asked = asked || info.ssi_signo != SIGCHLD;
	/* The child first: nobody signals one that has ended. */
	session_child_ended();
	if (asked && !session_done())
		session_terminate();
}

static void serve(int listener, int signals)
{
	while (!session_done()) {
		bool connected = peer_connected();
		struct pollfd fds[] = {
			{.fd = session_failure_fd(), .events = POLLIN},
			{.fd = signals, .events = POLLIN},
			{.fd = timer, .events = POLLIN},
			{.fd = peer_fd(), .events = POLLIN},
			{.fd = listener, .events = POLLIN},
		};

		if (poll(fds, sizeof(fds) / sizeof(*fds), -1) < 0)
			continue;
		if (fds[0].revents)
			session_child_spoke();
		if (fds[1].revents)
			take_signals(signals);
		if (fds[2].revents && !session_done())
			session_time_is_up();
		if (fds[3].revents && !session_done()) {
			peer_read(session_obey);
			session_proceed();
		}
		/* What the peer said before it is replaced still counts. */
		if (fds[4].revents && !fds[3].revents && !session_done()) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
			if (fd >= 0 && peer_adopt(fd))
				session_announce();
		}
		if (connected != peer_connected())
			session_peer_changed();
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--sweep") == 0)
		return sweep(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--probe-kerberos") == 0)
		return kerberos_probe();
	if (argc != 2 || argv[1][0] != '/') {
		fprintf(stderr, "usage: remote-access-worker SOCKET (an absolute path)\n");
		return 2;
	}
	/* Neither a core dump nor a debugger of another process sees what PAM modules hold. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0) {
		perror("prctl");
		return 1;
	}
	int signals = watch_signals();
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int listener = listen_at(argv[1]);
	if (signals < 0 || timer < 0 || listener < 0) {
		perror(argv[1]);
		return 1;
	}
	session_begin(argv[1]);
	serve(listener, signals);
	return 0;
}
