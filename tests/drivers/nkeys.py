# SPDX-License-Identifier: Apache-2.0
"""What a NATS server with an operator wants and gives: keys, tokens (JWT), and a user's .creds file.

As nats-io's nkeys and jwt describe them: a key is Ed25519, written in base 32 with a letter for what
it is the key of; a token says who vouches for whom, signed with the voucher's key.
"""

import base64
import binascii
import json
import subprocess
import time

SEED = 18 << 3
PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
UNLIMITED = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
JETSTREAM = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
CREDS = """-----BEGIN NATS USER JWT-----
{token}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


def openssl(*argv):
    return subprocess.run(["openssl", *argv], check=True, capture_output=True).stdout


def base32(data):
    summed = data + binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(summed).rstrip(b"=").decode()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """Of an operator, an account or a user."""

    def __init__(self, kind, folder, name):
        self.kind, self.name, self.folder = kind, name, folder
        self.file = folder / f"{name}.pem"
        openssl("genpkey", "-algorithm", "ED25519", "-out", self.file)
        prefix = PREFIXES[kind]
        head = bytes([SEED | prefix >> 5, (prefix & 31) << 3])
        self.seed = base32(head + openssl("pkey", "-in", self.file, "-outform", "DER")[-32:])
        public = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-32:]
        self.public = base32(bytes([prefix]) + public)

    def vouch(self, subject, **claims):
        """The token in which this key says who the subject is."""
        now = int(time.time())
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        body = {"jti": subject.name, "iat": now, "iss": self.public, "name": subject.name}
        body |= {"sub": subject.public, "nats": claims | {"type": subject.kind, "version": 2}}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (head, body))
        to_sign = self.folder / f"{subject.name}.txt"
        to_sign.write_text(text)
        signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", to_sign)
        return f"{text}.{base64url(signature)}"


class Realm:
    """An operator with an account; `settings` are the lines of a server that trusts it alone."""

    def __init__(self, folder):
        self.folder = folder
        operator = Key("operator", folder, "operator")
        system = Key("account", folder, "system")
        self.account = Key("account", folder, "account")
        limits = UNLIMITED | {"wildcards": True}
        tokens = {
            system.public: operator.vouch(system, limits=limits),  # may have no JetStream
            self.account.public: operator.vouch(self.account, limits=limits | JETSTREAM),
        }
        preload = ", ".join(f'{public}: "{token}"' for public, token in tokens.items())
        self.settings = {
            "operator": f'"{operator.vouch(operator)}"',
            "system_account": system.public,
            "resolver": "MEMORY",
            "resolver_preload": f"{{{preload}}}",
        }

    def creds(self, name, account=None):
        """A file for a user of the account, or of one that the operator does not know."""
        user = Key("user", self.folder, name)
        token = (account or self.account).vouch(user, subs=-1, data=-1, payload=-1, pub={}, sub={})
        file = self.folder / f"{name}.creds"
        file.write_text(CREDS.format(token=token, seed=user.seed))
        return file, user
