/*
 * remote-access-initiator [--delegate] SERVICE: the client's side of a login with Kerberos, for programs that have no
 * GSSAPI. SERVICE is as in host@machine.example.org; without a machine it is this one, by the name that Kerberos gives it.
 *
 * Lines on standard output:
 *
 *   principal NAME      who the ticket is of
 *   user NAME           who that is on this machine, if anybody
 *   message BASE64      for the service, whose answer is read from standard input: a line of Base64
 *   complete            the service has proved who it is
 *   none TEXT           instead of all of these: there is no ticket; the exit status is 1
 *   failed TEXT         instead of any of these; the exit status is 1
 *
 * Tickets are found as krb5.conf(5) and KRB5CCNAME say. A program of its own, so that the libraries of Kerberos are
 * needed by nothing else: without them it does not start.
 */
#define _GNU_SOURCE
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <pwd.h>
#include <resolv.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS (GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_INTEG_FLAG)

static gss_cred_id_t ticket = GSS_C_NO_CREDENTIAL;
static gss_ctx_id_t context = GSS_C_NO_CONTEXT;

/* One line: what stands in it may be anything. */
static void say(const char *what, const gss_buffer_desc *text)
{
	const char *bytes = text->value;

	printf("%s ", what);
	for (size_t i = 0; i < text->length && bytes[i] != '\0'; i++)
		putchar(bytes[i] == '\n' ? ' ' : bytes[i]);
	putchar('\n');
}

static _Noreturn void fail(const char *text)
{
	printf("failed %s\n", text);
	exit(1);
}

/* Of the mechanism's text, which says more, or of GSSAPI's if there is none. */
static _Noreturn void refuse(OM_uint32 major, OM_uint32 minor)
{
	OM_uint32 unused, more = 0;
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;

	gss_display_status(&unused, minor != 0 ? minor : major, minor != 0 ? GSS_C_MECH_CODE : GSS_C_GSS_CODE,
			   (gss_OID)gss_mech_krb5, &more, &text);
	say(GSS_ROUTINE_ERROR(major) == GSS_S_NO_CRED ? "none" : "failed", &text);
	exit(1);
}

static gss_name_t import(char *service)
{
	gss_buffer_desc text = {.length = strlen(service), .value = service};
	gss_name_t name;
	OM_uint32 minor;

	OM_uint32 major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name);
	if (major != GSS_S_COMPLETE)
		refuse(major, minor);
	return name;
}

static bool is_known(const gss_buffer_desc *user)
{
	char *name = strndup(user->value, user->length);
	bool known = name != NULL && getpwnam(name) != NULL;

	free(name);
	return known;
}

/* Whose ticket it is: the library chooses among several by the service, so it is known when that was asked for. */
static void introduce(void)
{
	gss_buffer_desc principal = GSS_C_EMPTY_BUFFER, user = GSS_C_EMPTY_BUFFER;
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 minor;

	OM_uint32 major = gss_inquire_cred(&minor, ticket, &name, NULL, NULL, NULL);
	if (major == GSS_S_COMPLETE)
		major = gss_display_name(&minor, name, &principal, NULL);
	if (major != GSS_S_COMPLETE)
		refuse(major, minor);
	say("principal", &principal);
	if (gss_localname(&minor, name, (gss_OID)gss_mech_krb5, &user) == GSS_S_COMPLETE && is_known(&user))
		say("user", &user);
	gss_release_buffer(&minor, &user);
	gss_release_buffer(&minor, &principal);
	gss_release_name(&minor, &name);
}

static void send_message(const gss_buffer_desc *message)
{
	size_t size = message->length / 3 * 4 + 5;
	char *line = malloc(size);

	if (line == NULL || b64_ntop(message->value, message->length, line, size) < 0)
		fail("the message is too long");
	printf("message %s\n", line);
	fflush(stdout);
	free(line);
}

/* To be freed. */
static gss_buffer_desc receive(void)
{
	char *line = NULL;
	size_t size = 0;

	/* Nobody goes on with it. */
	if (getline(&line, &size, stdin) < 0)
		exit(1);
	/* It may be read into its own place: the bytes are fewer than the characters. */
	int length = b64_pton(line, (unsigned char *)line, size);
	if (length < 0)
		fail("the answer is not Base64");
	return (gss_buffer_desc){.length = (size_t)length, .value = line};
}

int main(int count, char **arguments)
{
	gss_OID_set_desc kerberos_alone = {.count = 1, .elements = (gss_OID)gss_mech_krb5};
	bool delegate = count == 3 && strcmp(arguments[1], "--delegate") == 0;
	gss_buffer_desc answer = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, unused, got = 0;

	if (count != 2 && !delegate) {
		fprintf(stderr, "usage: %s [--delegate] SERVICE\n", *arguments);
		return 2;
	}
	gss_name_t service = import(arguments[count - 1]);
	OM_uint32 major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &kerberos_alone, GSS_C_INITIATE,
					   &ticket, NULL, NULL);
	if (major != GSS_S_COMPLETE)
		refuse(major, minor);
	for (bool first = true; first || major & GSS_S_CONTINUE_NEEDED; first = false) {
		gss_buffer_desc message = GSS_C_EMPTY_BUFFER;
		major = gss_init_sec_context(&minor, ticket, &context, service, (gss_OID)gss_mech_krb5,
					     FLAGS | (delegate ? GSS_C_DELEG_FLAG : 0), GSS_C_INDEFINITE,
					     GSS_C_NO_CHANNEL_BINDINGS, &answer, NULL, &message, &got, NULL);
		free(answer.value);
		if (GSS_ERROR(major))
			refuse(major, minor);
		if (first && delegate && !(got & GSS_C_DELEG_FLAG))
			fail("the ticket cannot be delegated");
		if (first)
			introduce();
		if (message.length > 0)
			send_message(&message);
		gss_release_buffer(&unused, &message);
		if (major & GSS_S_CONTINUE_NEEDED)
			answer = receive();
	}
	printf("complete\n");
	return 0;
}
