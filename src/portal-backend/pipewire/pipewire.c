/* The Node-API face of the PipeWire addon: see pipewire.ts for what it is for and connection.h for how it runs. */
#include "connection.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void job_sync(struct job *job) { job->sync = pw_core_sync(job->connection->core, PW_ID_CORE, 0); }

void job_fail(struct job *job, enum failure failure, const char *format, ...) {
    if (job->failure != NONE || job->finished) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(job->message, sizeof job->message, format, arguments);
    va_end(arguments);
    job->failure = failure;
}

static void job_free(struct job *job) {
    spa_list_remove(&job->link);
    if (job->callback) napi_delete_reference(job->connection->env, job->callback);
    job->destroy(job);
}

static void call(struct connection *connection, napi_ref function, size_t argc, const napi_value *argv) {
    napi_env env = connection->env;
    napi_value callback, global, result;
    napi_get_reference_value(env, function, &callback);
    napi_get_global(env, &global);
    if (napi_make_callback(env, connection->async, global, callback, argc, argv, &result) == napi_pending_exception) {
        napi_value error;
        napi_get_and_clear_last_exception(env, &error);
        napi_fatal_exception(env, error);
    }
}

static napi_value string(napi_env env, const char *text) {
    napi_value result;
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
    return result;
}

/* Calls back as (value) => void, or as (undefined, error, message) => void. */
static void job_report(struct job *job) {
    struct connection *connection = job->connection;
    napi_env env = connection->env;
    napi_handle_scope scope;
    napi_value argv[3];
    napi_open_handle_scope(env, &scope);
    if (job->failure == NONE) {
        napi_create_int64(env, job->value, &argv[0]);
        job->value = -1; /* the caller's now */
    } else {
        napi_get_undefined(env, &argv[0]);
        argv[1] = string(env, job->failure == NOT_SUPPORTED ? "NotSupported" : "SessionFailed");
        argv[2] = string(env, job->message);
    }
    size_t argc = job->failure == NONE ? 1 : 3;
    napi_ref callback = job->callback;
    job->callback = NULL;
    job_free(job);
    call(connection, callback, argc, argv);
    napi_delete_reference(env, callback);
    napi_close_handle_scope(env, scope);
}

static struct job *finished_job(struct connection *connection) {
    struct job *job;
    spa_list_for_each(job, &connection->jobs, link) if (job->finished) return job;
    return NULL;
}

/* Moves every job on and reports those that are done. A report may start, cancel and close. */
static void settle(struct connection *connection) {
    struct job *job;
    spa_list_for_each(job, &connection->jobs, link) {
        if (connection->lost) job_fail(job, SESSION_FAILED, "the PipeWire daemon went away");
        if (job->failure == NONE && !job->finished) job->advance(job);
        if (job->failure != NONE) job->finished = true;
    }
    while (!connection->closed && (job = finished_job(connection))) job_report(job);
    while (!connection->closed && connection->linked_count > 0) {
        napi_handle_scope scope;
        napi_value node;
        napi_open_handle_scope(connection->env, &scope);
        napi_create_uint32(connection->env, connection->linked[--connection->linked_count], &node);
        call(connection, connection->on_linked, 1, &node);
        napi_close_handle_scope(connection->env, scope);
    }
    if (connection->lost && !connection->closed && connection->on_closed) {
        napi_handle_scope scope;
        napi_ref callback = connection->on_closed;
        connection->on_closed = NULL;
        uv_poll_stop(&connection->poll);
        napi_open_handle_scope(connection->env, &scope);
        call(connection, callback, 0, NULL);
        napi_delete_reference(connection->env, callback);
        napi_close_handle_scope(connection->env, scope);
    }
}

static void connection_ready(uv_poll_t *poll, int status, int events) {
    struct connection *connection = (struct connection *)poll;
    (void)events;
    if (status < 0 || pw_loop_iterate(connection->loop, 0) < 0) connection->lost = true;
    settle(connection);
}

static void core_done(void *data, uint32_t id, int seq) {
    struct connection *connection = data;
    struct job *job;
    if (id != PW_ID_CORE) return;
    spa_list_for_each(job, &connection->jobs, link) if (job->sync == seq) job->sync = 0;
}

static void core_error(void *data, uint32_t id, int seq, int res, const char *message) {
    struct connection *connection = data;
    (void)seq, (void)message;
    if (id == PW_ID_CORE && res == -EPIPE) connection->lost = true;
}

static void registry_global(void *data, uint32_t id, uint32_t permissions, const char *type, uint32_t version,
                            const struct spa_dict *props) {
    struct connection *connection = data;
    (void)id, (void)permissions, (void)version;
    const char *node = props ? spa_dict_lookup(props, PW_KEY_LINK_OUTPUT_NODE) : NULL;
    if (!node || strcmp(type, PW_TYPE_INTERFACE_Link) != 0) return;
    if (connection->linked_count < SPA_N_ELEMENTS(connection->linked))
        connection->linked[connection->linked_count++] = strtoul(node, NULL, 10);
}

static void given_free(struct given *given) {
    spa_list_remove(&given->link);
    free(given);
}

static void registry_global_remove(void *data, uint32_t id) {
    struct connection *connection = data;
    struct given *given, *next;
    spa_list_for_each_safe(given, next, &connection->given, link) if (given->client == id) given_free(given);
}

static const struct pw_registry_events registry_events = {
    PW_VERSION_REGISTRY_EVENTS, .global = registry_global, .global_remove = registry_global_remove};

static const struct pw_core_events core_events = {PW_VERSION_CORE_EVENTS, .done = core_done, .error = core_error};

static void connection_freed(uv_handle_t *handle) { free(handle); }

/* Frees everything but the memory of the connection itself, which uv still needs for a moment. */
static void connection_close(struct connection *connection) {
    struct job *job;
    struct given *given;
    if (connection->closed) return;
    connection->closed = true;
    spa_list_consume(job, &connection->jobs, link) job_free(job);
    spa_list_consume(given, &connection->given, link) given_free(given);
    if (connection->registry) {
        spa_hook_remove(&connection->registry_listener);
        pw_proxy_destroy((struct pw_proxy *)connection->registry);
    }
    if (connection->core) {
        spa_hook_remove(&connection->core_listener);
        pw_core_disconnect(connection->core);
    }
    if (connection->on_closed) napi_delete_reference(connection->env, connection->on_closed);
    if (connection->on_linked) napi_delete_reference(connection->env, connection->on_linked);
    if (connection->async) napi_async_destroy(connection->env, connection->async);
    uv_close((uv_handle_t *)&connection->poll, connection_freed);
    if (connection->context) pw_context_destroy(connection->context);
    pw_loop_leave(connection->loop);
    pw_loop_destroy(connection->loop);
}

static void connection_at_exit(void *data) { connection_close(data); }

static napi_value throw_failure(napi_env env, const char *message) {
    napi_value error;
    napi_create_error(env, string(env, "SessionFailed"), string(env, message), &error);
    napi_throw(env, error);
    return NULL;
}

/* connect(closed: () => void, linked: (node) => void): connection. Opens the socket at once; a job proves that the
 * daemon answers. `linked` is called whenever a consumer was linked to a node, whosever it is. */
static napi_value connect_daemon(napi_env env, napi_callback_info info) {
    size_t argc = 2;
    napi_value argv[2], result;
    uv_loop_t *uv;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    napi_get_uv_event_loop(env, &uv);
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) return throw_failure(env, "out of memory");
    connection->env = env;
    spa_list_init(&connection->jobs);
    spa_list_init(&connection->given);
    connection->loop = pw_loop_new(NULL);
    int status = connection->loop ? uv_poll_init(uv, &connection->poll, pw_loop_get_fd(connection->loop)) : -errno;
    if (status < 0) {
        if (connection->loop) pw_loop_destroy(connection->loop);
        free(connection);
        return throw_failure(env, "PipeWire has no event loop");
    }
    pw_loop_enter(connection->loop);
    /* No data thread and no real-time priority: nothing here ever processes a frame. */
    connection->context = pw_context_new(
        connection->loop, pw_properties_new("context.num-data-loops", "0", "module.rt", "false", NULL), 0);
    if (connection->context) connection->core = pw_context_connect(connection->context, NULL, 0);
    if (!connection->core) {
        char message[128];
        snprintf(message, sizeof message, "no connection to the user's PipeWire daemon: %m");
        connection_close(connection);
        return throw_failure(env, message);
    }
    pw_core_add_listener(connection->core, &connection->core_listener, &core_events, connection);
    connection->registry = pw_core_get_registry(connection->core, PW_VERSION_REGISTRY, 0);
    pw_registry_add_listener(connection->registry, &connection->registry_listener, &registry_events, connection);
    napi_create_reference(env, argv[0], 1, &connection->on_closed);
    napi_create_reference(env, argv[1], 1, &connection->on_linked);
    napi_async_init(env, NULL, string(env, "remote-access:pipewire"), &connection->async);
    napi_add_env_cleanup_hook(env, connection_at_exit, connection);
    napi_create_external(env, connection, NULL, NULL, &result);
    uv_poll_start(&connection->poll, UV_READABLE, connection_ready);
    return result;
}

static struct connection *to_connection(napi_env env, napi_value value) {
    void *data = NULL;
    napi_get_value_external(env, value, &data);
    return data;
}

static uint32_t to_uint(napi_env env, napi_value value) {
    uint32_t result = 0;
    napi_get_value_uint32(env, value, &result);
    return result;
}

/* What cannot even start is thrown: no event would come to report it. */
static napi_value start(struct connection *connection, struct job *job, napi_value callback) {
    napi_value result;
    if (!job) return throw_failure(connection->env, "out of memory");
    if (connection->lost) job_fail(job, SESSION_FAILED, "the PipeWire daemon went away");
    spa_list_append(&connection->jobs, &job->link);
    if (job->failure != NONE) {
        throw_failure(connection->env, job->message);
        job_free(job);
        return NULL;
    }
    job->id = ++connection->last_job;
    napi_create_reference(connection->env, callback, 1, &job->callback);
    napi_create_uint32(connection->env, job->id, &result);
    return result;
}

static void round_trip_advance(struct job *job) { job->finished = job->sync == 0; }

static void round_trip_destroy(struct job *job) { free(job); }

static struct job *round_trip_new(struct connection *connection) {
    struct job *job = calloc(1, sizeof *job);
    if (job) {
        job->connection = connection;
        job->advance = round_trip_advance;
        job->destroy = round_trip_destroy;
        job_sync(job);
    }
    return job;
}

/* roundTrip(connection, callback): job. */
static napi_value round_trip(napi_env env, napi_callback_info info) {
    size_t argc = 2;
    napi_value argv[2];
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    struct connection *connection = to_connection(env, argv[0]);
    return start(connection, round_trip_new(connection), argv[1]);
}

/* endConfined(connection, owner, callback): job, done when the daemon has ended all that were given to the owner. */
static napi_value end_confined(napi_env env, napi_callback_info info) {
    size_t argc = 3;
    napi_value argv[3];
    struct given *given;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    struct connection *connection = to_connection(env, argv[0]);
    uint32_t owner = to_uint(env, argv[1]);
    spa_list_for_each(given, &connection->given, link)
        if (given->owner == owner) pw_registry_destroy(connection->registry, given->client);
    return start(connection, round_trip_new(connection), argv[2]);
}

/* negotiate(connection, node, width, height, refresh in mHz, run, callback): job. */
static napi_value negotiate(napi_env env, napi_callback_info info) {
    size_t argc = 7;
    napi_value argv[7];
    bool run = false;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    struct connection *connection = to_connection(env, argv[0]);
    struct spa_rectangle size = SPA_RECTANGLE(to_uint(env, argv[2]), to_uint(env, argv[3]));
    struct spa_fraction refresh = SPA_FRACTION(to_uint(env, argv[4]), 1000);
    napi_get_value_bool(env, argv[5], &run);
    return start(connection, negotiation_new(connection, to_uint(env, argv[1]), size, refresh, run), argv[6]);
}

/* confine(connection, owner, nodes: number[], callback): job; its value is the descriptor. */
static napi_value confine(napi_env env, napi_callback_info info) {
    size_t argc = 4;
    napi_value argv[4], element;
    uint32_t count = 0;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    struct connection *connection = to_connection(env, argv[0]);
    napi_get_array_length(env, argv[2], &count);
    uint32_t *nodes = calloc(count + 1, sizeof *nodes);
    if (!nodes) return throw_failure(env, "out of memory");
    for (uint32_t i = 0; i < count; i++) {
        napi_get_element(env, argv[2], i, &element);
        nodes[i] = to_uint(env, element);
    }
    struct job *job = confinement_new(connection, to_uint(env, argv[1]), nodes, count);
    free(nodes);
    return start(connection, job, argv[3]);
}

/* cancel(connection, job): cleans the job up without calling back; nothing happens if it is done already. */
static napi_value cancel(napi_env env, napi_callback_info info) {
    size_t argc = 2;
    napi_value argv[2];
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    struct connection *connection = to_connection(env, argv[0]);
    uint32_t id = to_uint(env, argv[1]);
    struct job *job, *next;
    spa_list_for_each_safe(job, next, &connection->jobs, link) if (job->id == id) job_free(job);
    return NULL;
}

/* close(connection): drops its jobs without calling back. The connection must not be used afterwards. */
static napi_value close_connection(napi_env env, napi_callback_info info) {
    size_t argc = 1;
    napi_value argv[1];
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
    struct connection *connection = to_connection(env, argv[0]);
    napi_remove_env_cleanup_hook(env, connection_at_exit, connection);
    connection_close(connection);
    return NULL;
}

NAPI_MODULE_INIT() {
    static const struct {
        const char *name;
        napi_callback function;
    } functions[] = {
        {"connect", connect_daemon}, {"roundTrip", round_trip}, {"negotiate", negotiate},
        {"confine", confine},        {"cancel", cancel},        {"close", close_connection},
        {"endConfined", end_confined},
    };
    pw_init(NULL, NULL);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        napi_value function;
        napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function);
        napi_set_named_property(env, exports, functions[i].name, function);
    }
    return exports;
}
