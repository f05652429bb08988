#include "worker.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int peer = -1;
static char input[LINE_MAX_BYTES];
static size_t used;
static bool too_long;

int peer_fd(void)
{
	return peer;
}

bool peer_connected(void)
{
	return peer >= 0;
}

void peer_drop(void)
{
	if (peer >= 0)
		close(peer);
	peer = -1;
	explicit_bzero(input, used);
	used = 0;
	too_long = false;
}

/* Takes a new connection in place of the one before; false if it is not root's. */
bool peer_adopt(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || who.uid != 0) {
		close(fd);
		return false;
	}
	tell("replaced", NULL);
	peer_drop();
	peer = fd;
	return true;
}

/*
 * Sends one line to the peer, if there is one. It never waits: who lets the socket's buffer (some 200 KiB) fill up is
 * dropped, and gets the announcement when it comes back.
 */
void tell(const char *verb, ...)
{
	static char line[LINE_MAX_BYTES];
	const char *end = line + sizeof(line) - 1;
	va_list words;

	if (peer < 0)
		return;
	char *to = stpcpy(line, verb);
	va_start(words, verb);
	for (const char *word; (word = va_arg(words, const char *)) != NULL;) {
		if (to < end)
			*to++ = ' ';
		char *after = wire_encode(to, end, word);
		if (after != NULL)
			to = after;
	}
	va_end(words);
	*to++ = '\n';
	if (send(peer, line, (size_t)(to - line), MSG_NOSIGNAL | MSG_DONTWAIT) != to - line)
		peer_drop();
}

/* Reads what has come and calls `line` for each complete line; drops the peer at its end. */
void peer_read(void (*line)(char *line))
{
	ssize_t got = recv(peer, input + used, sizeof(input) - used, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		peer_drop();
		return;
	}
	used += (size_t)got;
	size_t filled = used;
	char *start = input;
	for (char *newline; (newline = memchr(start, '\n', used - (size_t)(start - input))) != NULL;) {
		/* A NUL would hide the rest of the line. */
		bool whole = memchr(start, '\0', (size_t)(newline - start)) == NULL;
		*newline = '\0';
		if (too_long)
			too_long = false;
		else if (whole)
			line(start);
		else
			tell("error", "a line holds a NUL byte", NULL);
		start = newline + 1;
		if (peer < 0) {
			explicit_bzero(input, filled);
			return;
		}
	}
	used -= (size_t)(start - input);
	memmove(input, start, used);
	/* Lines may hold secrets. */
	explicit_bzero(input + used, filled - used);
	if (used == sizeof(input)) {
		if (!too_long)
			tell("error", "a line is longer than 64 KiB", NULL);
		used = 0;
		too_long = peer >= 0;
	}
}
