#include "kerberos.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gss_cred_id_t own = GSS_C_NO_CREDENTIAL, delegation = GSS_C_NO_CREDENTIAL;
static gss_ctx_id_t context = GSS_C_NO_CONTEXT;
static gss_name_t client = GSS_C_NO_NAME;

static void append(struct reason *reason, OM_uint32 code, int type)
{
	OM_uint32 minor, more = 0;
	gss_buffer_desc text;

	if (gss_display_status(&minor, code, type, (gss_OID)gss_mech_krb5, &more, &text) != GSS_S_COMPLETE)
		return;
	size_t used = strlen(reason->text);
	snprintf(reason->text + used, sizeof(reason->text) - used, "%s%.*s", used > 0 ? ": " : "", (int)text.length,
		 (const char *)text.value);
	gss_release_buffer(&minor, &text);
}

/* False, with the texts for both codes. */
static bool failed(struct reason *reason, OM_uint32 major, OM_uint32 minor)
{
	*reason->text = '\0';
	append(reason, major, GSS_C_GSS_CODE);
	if (minor != 0)
		append(reason, minor, GSS_C_MECH_CODE);
	return false;
}

/*
 * The keys of host/ANYTHING in the machine's keytab: as for sshd, and those of other services do not count. Without a
 * host's name MIT's library takes a key of any, so that it does not matter what this machine is called today.
 */
static bool ready(struct reason *reason)
{
	gss_buffer_desc service = {.length = 4, .value = "host"};
	gss_OID_set_desc kerberos_alone = {.count = 1, .elements = (gss_OID)gss_mech_krb5};
	gss_name_t name;
	OM_uint32 minor, unused;

	OM_uint32 major = gss_import_name(&minor, &service, GSS_C_NT_HOSTBASED_SERVICE, &name);
	if (major != GSS_S_COMPLETE)
		return failed(reason, major, minor);
	major = gss_acquire_cred(&minor, name, GSS_C_INDEFINITE, &kerberos_alone, GSS_C_ACCEPT, &own, NULL, NULL);
	gss_release_name(&unused, &name);
	return major == GSS_S_COMPLETE || failed(reason, major, minor);
}

static enum kerberos_step step(const char *message, char *answer, size_t size, struct reason *reason)
{
	static unsigned char bytes[65536];
	gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, unused;

	int length = b64_pton(message, bytes, sizeof(bytes));
	if (length < 0) {
		snprintf(reason->text, sizeof(reason->text), "the message is not Base64");
		return KERBEROS_FAILED;
	}
	gss_buffer_desc input = {.length = (size_t)length, .value = bytes};
	OM_uint32 major = gss_accept_sec_context(&minor, &context, own, &input, GSS_C_NO_CHANNEL_BINDINGS, &client, NULL,
						 &output, NULL, NULL, &delegation);
	bool fits = b64_ntop(output.value, output.length, answer, size) >= 0;
	explicit_bzero(bytes, input.length);
	gss_release_buffer(&unused, &output);
	if (GSS_ERROR(major) || !fits) {
		failed(reason, fits ? major : GSS_S_FAILURE, minor);
		return KERBEROS_FAILED;
	}
	return major & GSS_S_CONTINUE_NEEDED ? KERBEROS_CONTINUES : KERBEROS_DONE;
}

/* As sshd does for the user that it is told, so here for the one that auth_to_local makes of the principal. */
static char *user(char *principal, size_t size, struct reason *reason)
{
	gss_buffer_desc name = GSS_C_EMPTY_BUFFER, display = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;
	char *local = NULL;

	if (gss_display_name(&minor, client, &display, NULL) != GSS_S_COMPLETE)
		display = (gss_buffer_desc)GSS_C_EMPTY_BUFFER;
	snprintf(principal, size, "%.*s", (int)display.length, display.length > 0 ? (const char *)display.value : "");
	if (gss_localname(&minor, client, (gss_OID)gss_mech_krb5, &name) == GSS_S_COMPLETE)
		local = strndup(name.value, name.length);
	if (local == NULL) {
		snprintf(reason->text, sizeof(reason->text), "%s is no local user", principal);
	} else if (!gss_userok(client, local)) {
		snprintf(reason->text, sizeof(reason->text), "%s is not let in as %s", principal, local);
		free(local);
		local = NULL;
	}
	gss_release_buffer(&minor, &name);
	gss_release_buffer(&minor, &display);
	return local;
}

static bool delegated(void)
{
	return delegation != GSS_C_NO_CREDENTIAL;
}

static bool store(char *name, size_t size, struct reason *reason)
{
	krb5_context library;
	OM_uint32 minor;

	OM_uint32 major = gss_store_cred(&minor, delegation, GSS_C_INITIATE, (gss_OID)gss_mech_krb5, 1, 1, NULL, NULL);
	if (major != GSS_S_COMPLETE)
		return failed(reason, major, minor);
	if (krb5_init_context(&library) != 0)
		return false;
	const char *cache = krb5_cc_default_name(library);
	int length = cache == NULL ? -1 : snprintf(name, size, "%s", cache);
	krb5_free_context(library);
	return length > 0 && (size_t)length < size;
}

static void release(void)
{
	OM_uint32 minor;

	gss_release_cred(&minor, &delegation);
	gss_release_cred(&minor, &own);
	gss_release_name(&minor, &client);
	gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
}

__attribute__((visibility("default"))) const struct kerberos kerberos = {
	.ready = ready,
	.step = step,
	.user = user,
	.delegated = delegated,
	.store = store,
	.release = release,
};
