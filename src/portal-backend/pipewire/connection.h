/* A connection to the user's PipeWire daemon on Node's own event loop, and the jobs that run on it. PipeWire's
 * callbacks only note what happened; a job moves on afterwards, in advance(), when no callback of PipeWire is on the
 * stack. So a job may destroy what it likes, and JavaScript never runs inside PipeWire.
 */
#pragma once
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>
#include <pipewire/pipewire.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct connection {
    uv_poll_t poll; /* first, so that a pointer to it is a pointer to this */
    napi_env env;
    napi_ref on_closed;
    napi_ref on_linked;
    napi_async_context async;
    struct pw_loop *loop;
    struct pw_context *context;
    struct pw_core *core;
    struct pw_registry *registry;
    struct spa_hook core_listener, registry_listener;
    /* Nodes that somebody was linked to and that JavaScript was not told of yet; what comes at once beyond them is
     * dropped. */
    uint32_t linked[16], linked_count;
    struct spa_list jobs;
    struct spa_list given; /* connections that were given away, for as long as they last */
    uint32_t last_job;
    bool lost;   /* the daemon went away */
    bool closed; /* by us */
};

/* A connection of its own, whose descriptor somebody has. */
struct given {
    struct spa_list link;
    uint32_t client; /* as the daemon calls it */
    uint32_t owner;  /* as JavaScript does */
};

enum failure { NONE, NOT_SUPPORTED, SESSION_FAILED };

struct job {
    struct spa_list link;
    struct connection *connection;
    uint32_t id;
    napi_ref callback;
    void (*advance)(struct job *job);
    void (*destroy)(struct job *job);
    int sync;      /* the round trip on the connection's core that the job waits for, or 0 */
    int64_t value; /* the result; a descriptor is the job's until it is reported */
    enum failure failure;
    char message[256]; /* why it failed, for people */
    bool finished;
};

/* Starts a round trip; job->sync is 0 again when it came back. */
void job_sync(struct job *job);

/* Ends the job with an error; the first one counts. */
void job_fail(struct job *job, enum failure failure, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL: out of memory. A job may have failed already. With `run` the source is let run for a moment as well. */
struct job *negotiation_new(struct connection *connection, uint32_t node, struct spa_rectangle size,
                            struct spa_fraction refresh, bool run);
struct job *confinement_new(struct connection *connection, uint32_t owner, const uint32_t *nodes, uint32_t count);
