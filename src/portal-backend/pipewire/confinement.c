/* Opens a connection of its own to the daemon, takes every right from it but those to some nodes, and gives its
 * descriptor away (see docs/decisions/capture-confinement.md).
 */
#include "connection.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value of pipewire.client.access on a confined connection. Session managers know no rights that go with it, so
 * one that is restarted and looks at every client again leaves this one as it is. */
#define CONFINED "remote-access-confined"

enum stage { LOOKING, CONFINING, GIVING };

struct confinement {
    struct job job; /* first, so that a pointer to it is a pointer to this */
    struct pw_core *core;
    struct spa_hook core_listener;
    struct pw_registry *registry;
    struct spa_hook registry_listener;
    uint32_t factory;
    enum stage stage;
    int sync; /* on the connection of its own */
    uint32_t owner, client;
    uint32_t count;
    struct {
        uint32_t id;
        bool found;
    } nodes[];
};

static void registry_global(void *data, uint32_t id, uint32_t permissions, const char *type, uint32_t version,
                            const struct spa_dict *props) {
    struct confinement *confinement = data;
    (void)permissions, (void)version;
    if (strcmp(type, PW_TYPE_INTERFACE_Node) == 0) {
        for (uint32_t i = 0; i < confinement->count; i++)
            if (confinement->nodes[i].id == id) confinement->nodes[i].found = true;
    } else if (strcmp(type, PW_TYPE_INTERFACE_Factory) == 0) {
        const char *name = props ? spa_dict_lookup(props, PW_KEY_FACTORY_NAME) : NULL;
        if (name && strcmp(name, "client-node") == 0) confinement->factory = id;
    }
}

static void registry_global_remove(void *data, uint32_t id) {
    struct confinement *confinement = data;
    for (uint32_t i = 0; i < confinement->count; i++)
        if (confinement->nodes[i].id == id) confinement->nodes[i].found = false;
}

static const struct pw_registry_events registry_events = {
    PW_VERSION_REGISTRY_EVENTS, .global = registry_global, .global_remove = registry_global_remove};

static void core_done(void *data, uint32_t id, int seq) {
    struct confinement *confinement = data;
    if (id == PW_ID_CORE && confinement->sync == seq) confinement->sync = 0;
}

static void core_error(void *data, uint32_t id, int seq, int res, const char *message) {
    struct confinement *confinement = data;
    (void)id, (void)seq, (void)res;
    job_fail(&confinement->job, SESSION_FAILED, "PipeWire refused to confine a connection: %s", message);
}

static const struct pw_core_events core_events = {PW_VERSION_CORE_EVENTS, .done = core_done, .error = core_error};

static void forget_registry(struct confinement *confinement) {
    if (!confinement->registry) return;
    spa_hook_remove(&confinement->registry_listener);
    pw_proxy_destroy((struct pw_proxy *)confinement->registry);
    confinement->registry = NULL;
}

static void drop_rights(struct confinement *confinement) {
    struct pw_client *client = pw_core_get_client(confinement->core);
    struct spa_dict_item items[] = {SPA_DICT_ITEM_INIT(PW_KEY_CLIENT_ACCESS, CONFINED)};
    uint32_t count = 0;
    struct pw_permission *permissions = calloc(confinement->count + 3, sizeof *permissions);
    if (!permissions) {
        job_fail(&confinement->job, SESSION_FAILED, "PipeWire: out of memory");
        return;
    }
    permissions[count++] = PW_PERMISSION_INIT(PW_ID_CORE, PW_PERM_RWX);
    permissions[count++] = PW_PERMISSION_INIT(confinement->factory, PW_PERM_R);
    for (uint32_t i = 0; i < confinement->count; i++)
        permissions[count++] = PW_PERMISSION_INIT(confinement->nodes[i].id, PW_PERM_RWX);
    permissions[count++] = PW_PERMISSION_INIT(PW_ID_ANY, 0);
    /* Our own client goes with the rights. */
    confinement->client = pw_proxy_get_bound_id((struct pw_proxy *)client);
    pw_client_update_properties(client, &SPA_DICT_INIT_ARRAY(items));
    pw_client_update_permissions(client, count, permissions);
    free(permissions);
}

static void confinement_advance(struct job *job) {
    struct confinement *confinement = (struct confinement *)job;
    if (confinement->sync != 0 || job->sync != 0) return;
    if (confinement->stage == LOOKING) {
        /* Before the rights go, so that nothing about the registry is on its way to whoever gets the descriptor. */
        forget_registry(confinement);
        if (confinement->factory == SPA_ID_INVALID)
            job_fail(job, NOT_SUPPORTED, "this PipeWire daemon has no client-node factory");
        for (uint32_t i = 0; i < confinement->count; i++)
            if (!confinement->nodes[i].found)
                job_fail(job, SESSION_FAILED, "there is no PipeWire node %u", confinement->nodes[i].id);
        if (job->failure != NONE) return;
        drop_rights(confinement);
        confinement->stage = CONFINING;
        confinement->sync = pw_core_sync(confinement->core, PW_ID_CORE, 0);
    } else if (confinement->stage == CONFINING) {
        /* Until we know of everything that was before: somebody else may have had the same id. */
        job_sync(job);
        confinement->stage = GIVING;
    } else {
        struct given *given = calloc(1, sizeof *given);
        if (!given) {
            job_fail(job, SESSION_FAILED, "PipeWire: out of memory");
            return;
        }
        given->client = confinement->client;
        given->owner = confinement->owner;
        spa_list_append(&job->connection->given, &given->link);
        int fd = pw_core_steal_fd(confinement->core);
        if (fd < 0) {
            job_fail(job, SESSION_FAILED, "PipeWire gave no descriptor: %s", strerror(-fd));
            return;
        }
        job->value = fd;
        job->finished = true;
    }
}

static void confinement_destroy(struct job *job) {
    struct confinement *confinement = (struct confinement *)job;
    forget_registry(confinement);
    if (confinement->core) {
        spa_hook_remove(&confinement->core_listener);
        pw_core_disconnect(confinement->core);
    }
    if (job->value >= 0) close((int)job->value);
    free(confinement);
}

struct job *confinement_new(struct connection *connection, uint32_t owner, const uint32_t *nodes, uint32_t count) {
    struct confinement *confinement = calloc(1, sizeof *confinement + count * sizeof *confinement->nodes);
    if (!confinement) return NULL;
    confinement->job.connection = connection;
    confinement->job.value = -1;
    confinement->job.advance = confinement_advance;
    confinement->job.destroy = confinement_destroy;
    confinement->factory = SPA_ID_INVALID;
    confinement->count = count;
    confinement->owner = owner;
    for (uint32_t i = 0; i < count; i++) confinement->nodes[i].id = nodes[i];
    confinement->core = pw_context_connect(connection->context, NULL, 0);
    if (!confinement->core) {
        job_fail(&confinement->job, SESSION_FAILED, "no connection to the user's PipeWire daemon: %m");
        return &confinement->job;
    }
    pw_core_add_listener(confinement->core, &confinement->core_listener, &core_events, confinement);
    confinement->registry = pw_core_get_registry(confinement->core, PW_VERSION_REGISTRY, 0);
    pw_registry_add_listener(confinement->registry, &confinement->registry_listener, &registry_events, confinement);
    confinement->sync = pw_core_sync(confinement->core, PW_ID_CORE, 0);
    return &confinement->job;
}
