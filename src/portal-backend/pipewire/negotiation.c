/* Gives a video node of the compositor the size of its picture, by being its consumer for a moment.
 *
 * mutter makes (or resizes) a RecordVirtual stream's monitor while it handles the negotiated format, and allocates the
 * buffers after that; so buffers that reach this side prove that the monitor is there. Our node goes inactive as soon
 * as it has the format: PipeWire finishes the negotiation but starts neither side, and mutter never counts this stream
 * as one that somebody watches (see docs/decisions/capture-confinement.md). With `run` both sides do start, for as long
 * as it takes mutter to notice, which makes it paint the monitor anew for everybody.
 */
#include "connection.h"

#include <spa/param/buffers.h>
#include <spa/param/video/format-utils.h>
#include <stdlib.h>
#include <string.h>

struct negotiation {
    struct job job; /* first, so that a pointer to it is a pointer to this */
    uint32_t source_id;
    struct spa_rectangle size;
    struct spa_fraction refresh;
    struct pw_proxy *source;
    struct spa_hook source_proxy_listener, source_listener;
    enum pw_node_state source_state;
    bool source_is_video;
    struct pw_stream *stream;
    struct spa_hook stream_listener;
    uint32_t stream_id;
    struct pw_proxy *link;
    struct spa_hook link_proxy_listener, link_listener;
    bool run, has_format, has_buffers, leaving;
};

static void source_info(void *data, const struct pw_node_info *info) {
    struct negotiation *negotiation = data;
    negotiation->source_state = info->state;
    if (negotiation->source_is_video) return;
    const char *class = info->props ? spa_dict_lookup(info->props, PW_KEY_MEDIA_CLASS) : NULL;
    if (class && strstr(class, "Video") && info->n_output_ports > 0)
        negotiation->source_is_video = true;
    else if (!class || !strstr(class, "Video"))
        job_fail(&negotiation->job, NOT_SUPPORTED, "PipeWire node %u is no video source but %s",
                 negotiation->source_id, class ? class : "of no media class");
}

static void source_removed(void *data) {
    struct negotiation *negotiation = data;
    job_fail(&negotiation->job, SESSION_FAILED, "PipeWire node %u is gone", negotiation->source_id);
}

static void source_error(void *data, int seq, int res, const char *message) {
    struct negotiation *negotiation = data;
    (void)seq, (void)res;
    job_fail(&negotiation->job, SESSION_FAILED, "there is no PipeWire node %u: %s", negotiation->source_id, message);
}

static const struct pw_node_events source_events = {PW_VERSION_NODE_EVENTS, .info = source_info};
static const struct pw_proxy_events source_proxy_events = {
    PW_VERSION_PROXY_EVENTS, .removed = source_removed, .error = source_error};

static void link_info(void *data, const struct pw_link_info *info) {
    struct negotiation *negotiation = data;
    if (info->state == PW_LINK_STATE_ERROR)
        job_fail(&negotiation->job, NOT_SUPPORTED, "PipeWire node %u cannot show %ux%u: %s", negotiation->source_id,
                 negotiation->size.width, negotiation->size.height, info->error ? info->error : "no reason given");
}

static void link_removed(void *data) {
    struct negotiation *negotiation = data;
    job_fail(&negotiation->job, SESSION_FAILED, "PipeWire node %u was taken away", negotiation->source_id);
}

static void link_error(void *data, int seq, int res, const char *message) {
    struct negotiation *negotiation = data;
    (void)seq, (void)res;
    job_fail(&negotiation->job, SESSION_FAILED, "PipeWire node %u was not linked: %s", negotiation->source_id,
             message);
}

static const struct pw_link_events link_events = {PW_VERSION_LINK_EVENTS, .info = link_info};
static const struct pw_proxy_events link_proxy_events = {
    PW_VERSION_PROXY_EVENTS, .removed = link_removed, .error = link_error};

static void stream_state(void *data, enum pw_stream_state old, enum pw_stream_state state, const char *error) {
    struct negotiation *negotiation = data;
    (void)old;
    if (state == PW_STREAM_STATE_ERROR)
        job_fail(&negotiation->job, SESSION_FAILED, "PipeWire: %s", error ? error : "the stream failed");
    if (state == PW_STREAM_STATE_PAUSED && negotiation->stream_id == SPA_ID_INVALID)
        negotiation->stream_id = pw_stream_get_node_id(negotiation->stream);
}

static void stream_param(void *data, uint32_t id, const struct spa_pod *param) {
    struct negotiation *negotiation = data;
    uint8_t space[256];
    struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof space);
    const struct spa_pod *buffers;
    if (id != SPA_PARAM_Format || !param || negotiation->has_format) return;
    negotiation->has_format = true;
    /* As few and as cheap as mutter gives: nobody will ever look at them. */
    buffers = spa_pod_builder_add_object(&builder, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers,
                                         SPA_PARAM_BUFFERS_buffers, SPA_POD_CHOICE_RANGE_Int(2, 2, 16),
                                         SPA_PARAM_BUFFERS_dataType, SPA_POD_CHOICE_FLAGS_Int(1 << SPA_DATA_MemFd));
    pw_stream_update_params(negotiation->stream, &buffers, 1);
    if (!negotiation->run) pw_stream_set_active(negotiation->stream, false);
}

static void stream_buffer(void *data, struct pw_buffer *buffer) {
    struct negotiation *negotiation = data;
    (void)buffer;
    negotiation->has_buffers = true;
}

static const struct pw_stream_events stream_events = {PW_VERSION_STREAM_EVENTS,
                                                      .state_changed = stream_state,
                                                      .param_changed = stream_param,
                                                      .add_buffer = stream_buffer};

static void connect_stream(struct negotiation *negotiation) {
    uint8_t space[512];
    struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof space);
    const struct spa_pod *format = spa_pod_builder_add_object(
        &builder, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video),
        SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format,
        SPA_POD_CHOICE_ENUM_Id(3, SPA_VIDEO_FORMAT_BGRx, SPA_VIDEO_FORMAT_BGRx, SPA_VIDEO_FORMAT_BGRA),
        SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&negotiation->size), SPA_FORMAT_VIDEO_framerate,
        SPA_POD_Fraction(&SPA_FRACTION(0, 1)), SPA_FORMAT_VIDEO_maxFramerate, SPA_POD_Fraction(&negotiation->refresh));
    negotiation->stream = pw_stream_new(
        negotiation->job.connection->core, "remote-access-monitor",
        pw_properties_new(PW_KEY_MEDIA_TYPE, "Video", PW_KEY_MEDIA_CATEGORY, "Capture", PW_KEY_MEDIA_ROLE, "Screen",
                          NULL));
    if (!negotiation->stream) {
        job_fail(&negotiation->job, SESSION_FAILED, "PipeWire: %m");
        return;
    }
    pw_stream_add_listener(negotiation->stream, &negotiation->stream_listener, &stream_events, negotiation);
    if (pw_stream_connect(negotiation->stream, PW_DIRECTION_INPUT, PW_ID_ANY, PW_STREAM_FLAG_NONE, &format, 1) < 0)
        job_fail(&negotiation->job, SESSION_FAILED, "PipeWire: the stream cannot connect");
}

static void link_nodes(struct negotiation *negotiation) {
    char output[16], input[16];
    snprintf(output, sizeof output, "%u", negotiation->source_id);
    snprintf(input, sizeof input, "%u", negotiation->stream_id);
    struct spa_dict_item items[] = {SPA_DICT_ITEM_INIT(PW_KEY_LINK_OUTPUT_NODE, output),
                                    SPA_DICT_ITEM_INIT(PW_KEY_LINK_INPUT_NODE, input)};
    negotiation->link =
        pw_core_create_object(negotiation->job.connection->core, "link-factory", PW_TYPE_INTERFACE_Link,
                              PW_VERSION_LINK, &SPA_DICT_INIT_ARRAY(items), 0);
    if (!negotiation->link) {
        job_fail(&negotiation->job, SESSION_FAILED, "PipeWire: %m");
        return;
    }
    pw_proxy_add_listener(negotiation->link, &negotiation->link_proxy_listener, &link_proxy_events, negotiation);
    pw_proxy_add_object_listener(negotiation->link, &negotiation->link_listener, &link_events, negotiation);
}

static void unlink_nodes(struct negotiation *negotiation) {
    if (negotiation->link) {
        spa_hook_remove(&negotiation->link_proxy_listener);
        spa_hook_remove(&negotiation->link_listener);
        pw_proxy_destroy(negotiation->link);
        negotiation->link = NULL;
    }
    if (negotiation->stream) {
        spa_hook_remove(&negotiation->stream_listener);
        pw_stream_destroy(negotiation->stream);
        negotiation->stream = NULL;
    }
}

static void bind_source(struct negotiation *negotiation) {
    negotiation->source = pw_registry_bind(negotiation->job.connection->registry, negotiation->source_id,
                                           PW_TYPE_INTERFACE_Node, PW_VERSION_NODE, 0);
    if (!negotiation->source) {
        job_fail(&negotiation->job, SESSION_FAILED, "PipeWire: %m");
        return;
    }
    pw_proxy_add_listener(negotiation->source, &negotiation->source_proxy_listener, &source_proxy_events, negotiation);
    pw_proxy_add_object_listener(negotiation->source, &negotiation->source_listener, &source_events, negotiation);
}

static void negotiation_advance(struct job *job) {
    struct negotiation *negotiation = (struct negotiation *)job;
    if (!negotiation->source) {
        if (job->sync == 0) bind_source(negotiation);
    } else if (negotiation->leaving) {
        /* The state is the daemon's, which waits for the compositor to have obeyed. */
        job->finished = job->sync == 0 && negotiation->source_state != PW_NODE_STATE_RUNNING;
    } else if (negotiation->has_buffers &&
               (!negotiation->run || negotiation->source_state == PW_NODE_STATE_RUNNING)) {
        unlink_nodes(negotiation);
        negotiation->leaving = true;
        job_sync(job);
    } else if (negotiation->source_is_video && !negotiation->stream) {
        connect_stream(negotiation);
    } else if (!negotiation->link && negotiation->stream_id != SPA_ID_INVALID) {
        link_nodes(negotiation);
    }
}

static void negotiation_destroy(struct job *job) {
    struct negotiation *negotiation = (struct negotiation *)job;
    unlink_nodes(negotiation);
    if (negotiation->source) {
        spa_hook_remove(&negotiation->source_proxy_listener);
        spa_hook_remove(&negotiation->source_listener);
        pw_proxy_destroy(negotiation->source);
    }
    free(negotiation);
}

struct job *negotiation_new(struct connection *connection, uint32_t node, struct spa_rectangle size,
                            struct spa_fraction refresh, bool run) {
    struct negotiation *negotiation = calloc(1, sizeof *negotiation);
    if (!negotiation) return NULL;
    negotiation->job.connection = connection;
    negotiation->job.advance = negotiation_advance;
    negotiation->job.destroy = negotiation_destroy;
    negotiation->source_id = node;
    negotiation->size = size;
    negotiation->refresh = refresh;
    negotiation->run = run;
    negotiation->stream_id = SPA_ID_INVALID;
    /* The compositor told the node's id over D-Bus. If that id was used before, PipeWire refuses it ("no global any
     * more") to a client that has not heard yet, over PipeWire, that it is in use again. */
    job_sync(&negotiation->job);
    return &negotiation->job;
}
