/* What Node lacks and D-Bus, EI and PipeWire need: file descriptors sent and received over Unix sockets
 * (SCM_RIGHTS, unix(7)), the peer's credentials (SO_PEERCRED), pipes, socket pairs, and readiness of descriptors
 * that another library reads itself (uv_poll). Policy-free: every decision is made in TypeScript.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <fcntl.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

/* The kernel refuses more in one message (SCM_MAX_FD, unix(7)). */
#define MAX_DESCRIPTORS 253

/* Buffers that one send takes; what is beyond waits for the next. */
#define MAX_BUFFERS 128

static napi_value throw_errno(napi_env env, const char *call) {
    int err = errno;
    napi_value code, message, error;
    const char *name = uv_err_name(-err);
    char text[256];
    snprintf(text, sizeof text, "%s: %s", call, strerror(err));
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code);
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, code, message, &error);
    napi_throw(env, error);
    return NULL;
}

static int32_t to_int(napi_env env, napi_value value) {
    int32_t result = -1;
    napi_get_value_int32(env, value, &result);
    return result;
}

static napi_value from_int(napi_env env, int64_t value) {
    napi_value result;
    napi_create_int64(env, value, &result);
    return result;
}

static napi_value pair(napi_env env, const int fds[2]) {
    napi_value result;
    napi_create_array_with_length(env, 2, &result);
    napi_set_element(env, result, 0, from_int(env, fds[0]));
    napi_set_element(env, result, 1, from_int(env, fds[1]));
    return result;
}

/* connectUnix(path: Buffer, datagrams = false): number. A leading NUL byte names an abstract socket. */
static napi_value connect_unix(napi_env env, napi_callback_info info) {
    size_t argc = 2, length;
    napi_value argv[2];
    void *path;
    bool datagrams = false;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    napi_get_buffer_info(env, argv[0], &path, &length);
    napi_get_value_bool(env, argv[1], &datagrams);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (length == 0 || length >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return throw_errno(env, "connect");
    }
    memcpy(address.sun_path, path, length);
    int fd = socket(AF_UNIX, (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (fd < 0) return throw_errno(env, "socket");
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + length + (address.sun_path[0] ? 1 : 0);
    if (connect(fd, (struct sockaddr *)&address, size) < 0) {
        int err = errno;
        close(fd);
        errno = err;
        return throw_errno(env, "connect");
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return from_int(env, fd);
}

/* The bytes to send: one Buffer, or an array of them (as many as one call takes). Returns how many. */
static uint32_t to_iovec(napi_env env, napi_value value, struct iovec iov[MAX_BUFFERS]) {
    bool several = false;
    uint32_t count = 1;
    napi_is_array(env, value, &several);
    if (several) napi_get_array_length(env, value, &count);
    if (count > MAX_BUFFERS) count = MAX_BUFFERS;
    for (uint32_t i = 0; i < count; i++) {
        napi_value element = value;
        if (several) napi_get_element(env, value, i, &element);
        iov[i] = (struct iovec){0};
        napi_get_buffer_info(env, element, &iov[i].iov_base, &iov[i].iov_len);
    }
    return count;
}

/* send(fd, bytes: Buffer | Buffer[], fds: number[]): bytes written, or -1 where it would block. Descriptors travel
 * with the first byte. */
static napi_value send_message(napi_env env, napi_callback_info info) {
    size_t argc = 3;
    napi_value argv[3];
    uint32_t count = 0;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    napi_get_array_length(env, argv[2], &count);
    if (count > MAX_DESCRIPTORS) {
        errno = EINVAL;
        return throw_errno(env, "sendmsg");
    }
    struct iovec iov[MAX_BUFFERS];
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = to_iovec(env, argv[1], iov)};
    union {
        char space[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
        struct cmsghdr align;
    } control;
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        for (uint32_t i = 0; i < count; i++) {
            napi_value element;
            napi_get_element(env, argv[2], i, &element);
            int fd = to_int(env, element);
            memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof fd);
        }
    }
    ssize_t sent;
    do sent = sendmsg(to_int(env, argv[0]), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) return throw_errno(env, "sendmsg");
    return from_int(env, sent);
}

/* receive(fd, into: Buffer, fds: number[]): bytes read (0 = end), or -1 where it would block; descriptors that
 * came along are pushed to fds, close-on-exec, and belong to the caller. */
static napi_value receive_message(napi_env env, napi_callback_info info) {
    size_t argc = 3, length;
    napi_value argv[3];
    void *bytes;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    napi_get_buffer_info(env, argv[1], &bytes, &length);
    struct iovec iov = {.iov_base = bytes, .iov_len = length};
    union {
        char space[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
        struct cmsghdr align;
    } control;
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    do got = recvmsg(to_int(env, argv[0]), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0) return errno == EAGAIN ? from_int(env, -1) : throw_errno(env, "recvmsg");
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        uint32_t at = 0;
        napi_get_array_length(env, argv[2], &at);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            napi_set_element(env, argv[2], at++, from_int(env, fd));
        }
    }
    return from_int(env, got);
}

/* peerCredentials(fd): { pid, uid, gid } of whoever connected (SO_PEERCRED, unix(7)). */
static napi_value peer_credentials(napi_env env, napi_callback_info info) {
    size_t argc = 1;
    napi_value argv[1], result;
    struct ucred peer;
    socklen_t size = sizeof peer;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    if (getsockopt(to_int(env, argv[0]), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return throw_errno(env, "SO_PEERCRED");
    napi_create_object(env, &result);
    napi_set_named_property(env, result, "pid", from_int(env, peer.pid));
    napi_set_named_property(env, result, "uid", from_int(env, peer.uid));
    napi_set_named_property(env, result, "gid", from_int(env, peer.gid));
    return result;
}

/* socketPair(): [number, number], both ends non-blocking stream sockets. */
static napi_value socket_pair(napi_env env, napi_callback_info info) {
    (void)info;
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return throw_errno(env, "socketpair");
    return pair(env, fds);
}

/* pipe(): [read end, write end]. */
static napi_value make_pipe(napi_env env, napi_callback_info info) {
    (void)info;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) return throw_errno(env, "pipe2");
    return pair(env, fds);
}

/* duplicate(fd): a second descriptor of the same open file, close-on-exec. */
static napi_value duplicate(napi_env env, napi_callback_info info) {
    size_t argc = 1;
    napi_value argv[1];
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    int fd = fcntl(to_int(env, argv[0]), F_DUPFD_CLOEXEC, 3);
    return fd < 0 ? throw_errno(env, "dup") : from_int(env, fd);
}

/* setBlocking(fd): reads and writes wait from now on, whatever whoever made the descriptor preferred. */
static napi_value set_blocking(napi_env env, napi_callback_info info) {
    size_t argc = 1;
    napi_value argv[1];
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    int fd = to_int(env, argv[0]);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0) return throw_errno(env, "fcntl");
    return NULL;
}

struct poll {
    uv_poll_t handle; /* first, so that a pointer to it is a pointer to this */
    napi_env env;
    napi_ref callback;
    napi_async_context context;
    bool closed;
};

static void poll_ready(uv_poll_t *handle, int status, int events) {
    struct poll *poll = (struct poll *)handle;
    napi_handle_scope scope;
    napi_value callback, global, argument, result;
    napi_open_handle_scope(poll->env, &scope);
    napi_get_reference_value(poll->env, poll->callback, &callback);
    napi_get_global(poll->env, &global);
    argument = from_int(poll->env, status < 0 ? status : events);
    if (napi_make_callback(poll->env, poll->context, global, callback, 1, &argument, &result) ==
        napi_pending_exception) {
        napi_value error;
        napi_get_and_clear_last_exception(poll->env, &error);
        napi_fatal_exception(poll->env, error);
    }
    napi_close_handle_scope(poll->env, scope);
}

static void poll_closed(uv_handle_t *handle) { free(handle); }

static void poll_close(struct poll *poll) {
    if (poll->closed) return;
    poll->closed = true;
    napi_delete_reference(poll->env, poll->callback);
    napi_async_destroy(poll->env, poll->context);
    uv_close((uv_handle_t *)&poll->handle, poll_closed);
}

static void poll_at_exit(void *data) { poll_close(data); }

/* watch(fd, callback: (events) => void): handle. Events: 1 readable, 2 writable, negative = -errno. The descriptor
 * stays its owner's, becomes non-blocking, and can have one watch at a time; stop watching before closing it. */
static napi_value watch(napi_env env, napi_callback_info info) {
    size_t argc = 2;
    napi_value argv[2], name, result;
    uv_loop_t *loop;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    napi_get_uv_event_loop(env, &loop);
    struct poll *poll = calloc(1, sizeof *poll);
    int status = uv_poll_init(loop, &poll->handle, to_int(env, argv[0]));
    if (status < 0) {
        free(poll);
        errno = -status;
        return throw_errno(env, "uv_poll_init");
    }
    poll->env = env;
    napi_create_reference(env, argv[1], 1, &poll->callback);
    napi_create_string_utf8(env, "descriptors:watch", NAPI_AUTO_LENGTH, &name);
    napi_async_init(env, NULL, name, &poll->context);
    napi_add_env_cleanup_hook(env, poll_at_exit, poll);
    napi_create_external(env, poll, NULL, NULL, &result);
    return result;
}

static struct poll *to_poll(napi_env env, napi_value value) {
    void *data = NULL;
    napi_get_value_external(env, value, &data);
    return data;
}

/* watchFor(handle, events): 0 pauses. */
static napi_value watch_for(napi_env env, napi_callback_info info) {
    size_t argc = 2;
    napi_value argv[2];
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    struct poll *poll = to_poll(env, argv[0]);
    if (!poll->closed) uv_poll_start(&poll->handle, to_int(env, argv[1]), poll_ready);
    return NULL;
}

/* unwatch(handle): the handle must not be used afterwards. */
static napi_value unwatch(napi_env env, napi_callback_info info) {
    size_t argc = 1;
    napi_value argv[1];
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    struct poll *poll = to_poll(env, argv[0]);
    napi_remove_env_cleanup_hook(env, poll_at_exit, poll);
    poll_close(poll);
    return NULL;
}

NAPI_MODULE_INIT() {
    static const struct {
        const char *name;
        napi_callback function;
    } functions[] = {
        {"connectUnix", connect_unix},
        {"send", send_message},
        {"receive", receive_message},
        {"peerCredentials", peer_credentials},
        {"socketPair", socket_pair},
        {"pipe", make_pipe},
        {"duplicate", duplicate},
        {"setBlocking", set_blocking},
        {"watch", watch},
        {"watchFor", watch_for},
        {"unwatch", unwatch},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        napi_value function;
        napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function);
        napi_set_named_property(env, exports, functions[i].name, function);
    }
    return exports;
}
