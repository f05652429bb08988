/* The reference: what a login manager or desktop service written with GDBus does for the same calls.
 * Usage: gdbus-service ADDRESS NAME; prints a line when it has the name. */
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <unistd.h>

static const char introspection[] =
    "<node><interface name='org.example.Bench'>"
    "<method name='Echo'><arg type='s' direction='in'/><arg type='a{sv}' direction='in'/>"
    "<arg type='s' direction='out'/><arg type='a{sv}' direction='out'/></method>"
    "<method name='Payload'><arg type='ay' direction='in'/><arg type='ay' direction='out'/></method>"
    "<method name='PassDescriptor'><arg type='h' direction='in'/><arg type='h' direction='out'/></method>"
    "</interface></node>";

static void method_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                        const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data) {
    (void)connection, (void)sender, (void)path, (void)interface, (void)data;
    if (g_str_equal(method, "Echo")) {
        g_dbus_method_invocation_return_value(invocation, parameters);
    } else if (g_str_equal(method, "Payload")) {
        g_dbus_method_invocation_return_value(invocation, parameters);
    } else {
        GUnixFDList *in = g_dbus_message_get_unix_fd_list(g_dbus_method_invocation_get_message(invocation));
        gint32 index;
        g_variant_get(parameters, "(h)", &index);
        int fd = g_unix_fd_list_get(in, index, NULL);
        g_autoptr(GUnixFDList) out = g_unix_fd_list_new();
        index = g_unix_fd_list_append(out, fd, NULL);
        close(fd);
        g_dbus_method_invocation_return_value_with_unix_fd_list(invocation, g_variant_new("(h)", index), out);
    }
}

static void acquired(GDBusConnection *connection, const char *name, gpointer data) {
    (void)connection, (void)data;
    printf("%s\n", name);
    fflush(stdout);
}

int main(int argc, char **argv) {
    static const GDBusInterfaceVTable vtable = {.method_call = method_call};
    g_autoptr(GError) error = NULL;
    if (argc != 3) return 2;
    GDBusConnection *connection = g_dbus_connection_new_for_address_sync(
        argv[1], G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
        NULL, &error);
    if (!connection) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    GDBusNodeInfo *node = g_dbus_node_info_new_for_xml(introspection, NULL);
    g_dbus_connection_register_object(connection, "/bench", node->interfaces[0], &vtable, NULL, NULL, NULL);
    g_bus_own_name_on_connection(connection, argv[2], G_BUS_NAME_OWNER_FLAGS_NONE, acquired, NULL, NULL, NULL);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
}
