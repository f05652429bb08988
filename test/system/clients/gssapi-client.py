"""A client's side of GSSAPI: prints its messages in Base64, one a line, reads the answers, and says `complete`.

Usage: gssapi-client.py SERVICE [delegate] [dce] [spnego], SERVICE as host@machine. KRB5CCNAME has the ticket.
"""

import base64
import sys

import gssapi

service, *wishes = sys.argv[1:]
flags = gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.replay_detection
if "delegate" in wishes:
    flags |= gssapi.RequirementFlag.delegate_to_peer
if "dce" in wishes:
    # Three messages instead of two (GSS_C_DCE_STYLE).
    flags |= gssapi.RequirementFlag.dce_style
mechanism = "1.3.6.1.5.5.2" if "spnego" in wishes else "1.2.840.113554.1.2.2"
context = gssapi.SecurityContext(
    name=gssapi.Name(service, gssapi.NameType.hostbased_service),
    mech=gssapi.OID.from_int_seq(mechanism),
    flags=flags,
    usage="initiate",
)
answer = None
while not context.complete:
    message = context.step(answer)
    if message:
        print(base64.b64encode(message).decode(), flush=True)
    if not context.complete:
        answer = base64.b64decode(sys.stdin.readline())
print("complete", flush=True)
