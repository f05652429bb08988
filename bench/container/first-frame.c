/* first-frame NODE [WIDTH HEIGHT | all]: consumes a PipeWire node of a compositor until its first picture, and prints the
 * picture's width and height and when it came (nanoseconds of CLOCK_MONOTONIC). Uses the PipeWire connection on
 * descriptor 3 if there is one, else that of the user. A size makes the compositor give the monitor that size. With
 * `all` it does so for every picture until it is killed.
 */
#include <fcntl.h>
#include <pipewire/pipewire.h>
#include <spa/param/buffers.h>
#include <spa/param/video/format-utils.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct pw_main_loop *loop;
static struct pw_stream *stream;
static struct spa_video_info_raw format;
static bool all;

static void state_changed(void *data, enum pw_stream_state old, enum pw_stream_state state, const char *error) {
    (void)data, (void)old;
    if (state != PW_STREAM_STATE_ERROR) return;
    fprintf(stderr, "first-frame: %s\n", error);
    exit(1);
}

static void param_changed(void *data, uint32_t id, const struct spa_pod *param) {
    uint8_t space[256];
    struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof space);
    const struct spa_pod *buffers;
    (void)data;
    if (id != SPA_PARAM_Format || !param || spa_format_video_raw_parse(param, &format) < 0) return;
    buffers = spa_pod_builder_add_object(&builder, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers,
                                         SPA_PARAM_BUFFERS_buffers, SPA_POD_CHOICE_RANGE_Int(4, 2, 16),
                                         SPA_PARAM_BUFFERS_dataType, SPA_POD_CHOICE_FLAGS_Int(1 << SPA_DATA_MemFd));
    pw_stream_update_params(stream, &buffers, 1);
}

static void process(void *data) {
    struct timespec now;
    struct pw_buffer *buffer = pw_stream_dequeue_buffer(stream);
    (void)data;
    if (!buffer) return;
    if (buffer->buffer->datas[0].chunk->size > 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        printf("%u %u %lld\n", format.size.width, format.size.height, now.tv_sec * 1000000000LL + now.tv_nsec);
        fflush(stdout);
        if (!all) pw_main_loop_quit(loop);
    }
    pw_stream_queue_buffer(stream, buffer);
}

static const struct pw_stream_events events = {
    PW_VERSION_STREAM_EVENTS, .state_changed = state_changed, .param_changed = param_changed, .process = process};

int main(int argc, char **argv) {
    uint8_t space[512];
    struct spa_hook hook = {0};
    const struct spa_pod *formats;
    struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof space);
    struct spa_rectangle size = SPA_RECTANGLE(1280, 720);
    pw_init(NULL, NULL);
    all = argc == 3 && strcmp(argv[2], "all") == 0;
    if (argc != 2 && argc != 4 && !all) return 2;
    loop = pw_main_loop_new(NULL);
    struct pw_context *context = pw_context_new(pw_main_loop_get_loop(loop), NULL, 0);
    struct pw_core *core =
        fcntl(3, F_GETFD) != -1 && getenv("PIPEWIRE_FD") ? pw_context_connect_fd(context, 3, NULL, 0)
                                                         : pw_context_connect(context, NULL, 0);
    if (!core) {
        perror("first-frame: PipeWire");
        return 1;
    }
    if (argc == 4) size = SPA_RECTANGLE(atoi(argv[2]), atoi(argv[3]));
    struct spa_rectangle low = size, high = size;
    if (argc != 4) low = SPA_RECTANGLE(1, 1), high = SPA_RECTANGLE(16384, 16384);
    formats = spa_pod_builder_add_object(
        &builder, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video),
        SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format,
        SPA_POD_CHOICE_ENUM_Id(3, SPA_VIDEO_FORMAT_BGRx, SPA_VIDEO_FORMAT_BGRx, SPA_VIDEO_FORMAT_BGRA),
        SPA_FORMAT_VIDEO_size, SPA_POD_CHOICE_RANGE_Rectangle(&size, &low, &high), SPA_FORMAT_VIDEO_framerate,
        SPA_POD_Fraction(&SPA_FRACTION(0, 1)), SPA_FORMAT_VIDEO_maxFramerate,
        SPA_POD_CHOICE_RANGE_Fraction(&SPA_FRACTION(60, 1), &SPA_FRACTION(1, 1), &SPA_FRACTION(1000, 1)));
    stream = pw_stream_new(core, "first-frame",
                           pw_properties_new(PW_KEY_MEDIA_TYPE, "Video", PW_KEY_MEDIA_CATEGORY, "Capture",
                                             PW_KEY_MEDIA_ROLE, "Screen", NULL));
    pw_stream_add_listener(stream, &hook, &events, NULL);
    pw_stream_connect(stream, PW_DIRECTION_INPUT, (uint32_t)atoi(argv[1]),
                      PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_MAP_BUFFERS, &formats, 1);
    pw_main_loop_run(loop);
    return 0;
}
