/* Calls a method over and over and writes how long each call took, in nanoseconds, one 64-bit integer a call.
 * It sends one prepared message (only the serial changes) and looks at no more of a reply than whose it is, so that
 * what it takes itself is small and the same for every service.
 *
 * Usage: load SOCKET MESSAGE-FILE CALLS IN-FLIGHT [fd]; with `fd` a descriptor goes along and comes back. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { METHOD_RETURN = 2, ERROR = 3, REPLY_SERIAL = 5 };
enum { ROOM = 4 << 20, FIRST_SERIAL = 100 };

static int bus;
static int passed = -1;
static uint8_t in[ROOM];
static size_t filled, used;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static uint32_t word(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static size_t align(size_t length, size_t to) { return (length + to - 1) / to * to; }

static void put(const uint8_t *bytes, size_t length, int fd) {
    while (length > 0) {
        struct iovec iov = {.iov_base = (void *)bytes, .iov_len = length};
        union {
            char space[CMSG_SPACE(sizeof(int))];
            struct cmsghdr align;
        } control = {0};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        if (fd >= 0) {
            message.msg_control = &control;
            message.msg_controllen = sizeof control;
            struct cmsghdr *header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof fd);
            memcpy(CMSG_DATA(header), &fd, sizeof fd);
        }
        ssize_t sent = sendmsg(bus, &message, MSG_NOSIGNAL);
        if (sent < 0) err(1, "sendmsg");
        bytes += sent;
        length -= sent;
        fd = -1;
    }
}

/* Reads more, and closes the descriptors that come along. */
static void get(void) {
    if (used > 0) memmove(in, in + used, filled - used);
    filled -= used;
    used = 0;
    union {
        char space[CMSG_SPACE(sizeof(int) * 16)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = in + filled, .iov_len = ROOM - filled};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(bus, &message, MSG_CMSG_CLOEXEC);
    if (got <= 0) err(1, "recvmsg");
    filled += got;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        int fd;
        for (size_t at = 0; CMSG_LEN(at) < header->cmsg_len; at += sizeof fd) {
            memcpy(&fd, CMSG_DATA(header) + at, sizeof fd);
            close(fd);
        }
    }
}

static uint32_t reply_serial(const uint8_t *message, size_t end) {
    for (size_t at = 16; at < end;) {
        at = align(at, 8);
        uint8_t field = message[at], type = message[at + 2];
        at += 4;
        if (type == 'g') {
            at += message[at] + 2;
            continue;
        }
        at = align(at, 4);
        if (field == REPLY_SERIAL) return word(message + at);
        at += type == 'u' ? 4 : 4 + word(message + at) + 1;
    }
    return 0;
}

/* The serial that the next reply is to. */
static uint32_t next_reply(void) {
    for (;;) {
        while (filled - used < 16) get();
        size_t fields = word(in + used + 12);
        size_t length = 16 + align(fields, 8) + word(in + used + 4);
        while (filled - used < length) get();
        const uint8_t *message = in + used;
        used += length;
        if (message[1] == ERROR) errx(1, "a call failed: %.*s", (int)fields, message + 16);
        if (message[1] == METHOD_RETURN) return reply_serial(message, 16 + fields);
    }
}

static void say(const char *text) { put((const uint8_t *)text, strlen(text), -1); }

static void wait_for(const char *answer) {
    while (!memmem(in, filled, answer, strlen(answer))) get();
    used = filled;
}

static void join(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char greeting[128];
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    bus = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(bus, (struct sockaddr *)&address, sizeof address) < 0) err(1, "%s", path);
    put((const uint8_t *)"", 1, -1);
    int length = snprintf(greeting, sizeof greeting, "%u", getuid());
    say("AUTH EXTERNAL ");
    for (int i = 0; i < length; i++) {
        char digit[3];
        snprintf(digit, sizeof digit, "%02x", greeting[i]);
        say(digit);
    }
    say("\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
    wait_for("AGREE_UNIX_FD\r\n");
    static const uint8_t hello[] =
        "l\1\0\1\0\0\0\0\1\0\0\0\156\0\0\0"
        "\1\1o\0\25\0\0\0/org/freedesktop/DBus\0\0\0"
        "\6\1s\0\24\0\0\0org.freedesktop.DBus\0\0\0\0"
        "\2\1s\0\24\0\0\0org.freedesktop.DBus\0\0\0\0"
        "\3\1s\0\5\0\0\0Hello\0\0";
    put(hello, sizeof hello, -1);
    next_reply();
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    static uint8_t call[ROOM];
    FILE *file = fopen(argv[2], "r");
    if (!file) err(1, "%s", argv[2]);
    size_t length = fread(call, 1, sizeof call, file);
    uint32_t calls = atoi(argv[3]), in_flight = atoi(argv[4]);
    if (argc > 5) passed = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int64_t *times = calloc(calls, sizeof *times);
    join(argv[1]);
    for (uint32_t sent = 0, answered = 0; answered < calls;) {
        for (; sent < calls && sent - answered < in_flight; sent++) {
            uint32_t serial = FIRST_SERIAL + sent;
            memcpy(call + 8, &serial, sizeof serial);
            times[sent] = now();
            put(call, length, passed);
        }
        uint32_t serial = next_reply();
        if (serial < FIRST_SERIAL || serial - FIRST_SERIAL >= calls) errx(1, "a reply to nothing");
        times[serial - FIRST_SERIAL] = now() - times[serial - FIRST_SERIAL];
        answered++;
    }
    fwrite(times, sizeof *times, calls, stdout);
}
