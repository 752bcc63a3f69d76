# SPDX-License-Identifier: Apache-2.0
"""p256.py - ECDSA P-256 with SHA-256 in pure Python, for tests only: not constant time.

    key = PrivateKey.new()              # or PrivateKey(secret_integer)
    sig = key.sign(b"message")          # strict DER
    key.public.verify(sig, b"message")  # True or False
    PublicKey.from_pem(text).key_id     # SHA-256 of the SPKI: Rekor's logID
"""
import base64
import hashlib
import hmac
import secrets

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
# SubjectPublicKeyInfo up to the uncompressed point: id-ecPublicKey, prime256v1.
SPKI_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


def _double(p):
    """Jacobian doubling for a = -3."""
    x, y, z = p
    if y == 0:
        return (0, 0, 0)
    delta = z * z % P
    gamma = y * y % P
    beta = x * gamma % P
    alpha = 3 * (x - delta) * (x + delta) % P
    x3 = (alpha * alpha - 8 * beta) % P
    z3 = ((y + z) * (y + z) - gamma - delta) % P
    y3 = (alpha * (4 * beta - x3) - 8 * gamma * gamma) % P
    return (x3, y3, z3)


def _add(p, q):
    if p[2] == 0:
        return q
    if q[2] == 0:
        return p
    z1z1 = p[2] * p[2] % P
    z2z2 = q[2] * q[2] % P
    u1 = p[0] * z2z2 % P
    u2 = q[0] * z1z1 % P
    s1 = p[1] * q[2] * z2z2 % P
    s2 = q[1] * p[2] * z1z1 % P
    if u1 == u2:
        return _double(p) if s1 == s2 else (0, 0, 0)
    h = (u2 - u1) % P
    r = (s2 - s1) % P
    hh = h * h % P
    hhh = h * hh % P
    v = u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    y3 = (r * (v - x3) - s1 * hhh) % P
    return (x3, y3, h * p[2] * q[2] % P)


def _affine(p):
    inv = pow(p[2], -1, P)
    inv2 = inv * inv % P
    return (p[0] * inv2 % P, p[1] * inv2 * inv % P)


def _multiply(k, point):
    result = (0, 0, 0)
    for bit in bin(k)[2:]:
        result = _double(result)
        if bit == "1":
            result = _add(result, point)
    return result


def _make_table():
    """table[i][d] = d * 16**i * G: a base-point product is 64 additions."""
    table, base = [], (GX, GY, 1)
    for _ in range(64):
        row = [(0, 0, 0)]
        for _ in range(15):
            row.append(_add(row[-1], base))
        table.append(row)
        base = _add(row[15], base)
    return table


_TABLE = _make_table()


def _multiply_base(k):
    result = (0, 0, 0)
    for row in _TABLE:
        result = _add(result, row[k & 15])
        k >>= 4
    return result


def _der_int(v):
    raw = v.to_bytes((v.bit_length() + 8) // 8, "big")
    return b"\x02" + bytes([len(raw)]) + raw


def der_encode(r, s):
    body = _der_int(r) + _der_int(s)
    return b"\x30" + bytes([len(body)]) + body


def der_decode(sig):
    """(r, s) of a strict DER signature, or None."""
    if len(sig) < 8 or sig[0] != 0x30 or sig[1] != len(sig) - 2 or sig[1] > 127:
        return None
    values, at = [], 2
    for _ in range(2):
        if at + 2 > len(sig) or sig[at] != 2:
            return None
        raw = sig[at + 2 : at + 2 + sig[at + 1]]
        if not raw or len(raw) != sig[at + 1] or raw[0] & 0x80:
            return None
        if len(raw) > 1 and raw[0] == 0 and not raw[1] & 0x80:
            return None
        values.append(int.from_bytes(raw, "big"))
        at += 2 + len(raw)
    return tuple(values) if at == len(sig) else None


class PublicKey:
    def __init__(self, x, y):
        if (y * y - (x * x * x - 3 * x + B)) % P != 0:
            raise ValueError("the point is not on the curve")
        self.x, self.y = x, y

    @property
    def spki(self):
        return SPKI_HEAD + b"\x04" + self.x.to_bytes(32, "big") + self.y.to_bytes(32, "big")

    @property
    def pem(self):
        text = base64.b64encode(self.spki).decode()
        lines = [text[i : i + 64] for i in range(0, len(text), 64)]
        return "-----BEGIN PUBLIC KEY-----\n" + "\n".join(lines) + "\n-----END PUBLIC KEY-----\n"

    @property
    def key_id(self):
        return hashlib.sha256(self.spki).digest()

    @staticmethod
    def from_spki(der):
        if len(der) != len(SPKI_HEAD) + 65 or der[: len(SPKI_HEAD)] != SPKI_HEAD or der[26] != 4:
            raise ValueError("not an uncompressed P-256 key")
        return PublicKey(int.from_bytes(der[27:59], "big"), int.from_bytes(der[59:], "big"))

    @staticmethod
    def from_pem(text):
        lines = text.strip().splitlines()
        if lines[0] != "-----BEGIN PUBLIC KEY-----" or lines[-1] != "-----END PUBLIC KEY-----":
            raise ValueError("not a PUBLIC KEY block")
        return PublicKey.from_spki(base64.b64decode("".join(lines[1:-1]), validate=True))

    def verify(self, sig, message):
        pair = der_decode(sig)
        if pair is None:
            return False
        r, s = pair
        if not (0 < r < N and 0 < s < N):
            return False
        e = int.from_bytes(hashlib.sha256(message).digest(), "big")
        w = pow(s, -1, N)
        point = _add(_multiply_base(e * w % N), _multiply(r * w % N, (self.x, self.y, 1)))
        return point[2] != 0 and _affine(point)[0] % N == r


class PrivateKey:
    def __init__(self, secret):
        if not 0 < secret < N:
            raise ValueError("the secret is out of range")
        self.secret = secret
        self.public = PublicKey(*_affine(_multiply_base(secret)))

    @staticmethod
    def new():
        return PrivateKey(secrets.randbelow(N - 1) + 1)

    @property
    def pem(self):
        """PKCS#8."""
        ec = (
            bytes.fromhex("306b0201010420")
            + self.secret.to_bytes(32, "big")
            + bytes.fromhex("a144034200")
            + self.public.spki[26:]
        )
        der = bytes.fromhex("308187020100301306072a8648ce3d020106082a8648ce3d030107046d") + ec
        text = base64.b64encode(der).decode()
        lines = [text[i : i + 64] for i in range(0, len(text), 64)]
        return "-----BEGIN PRIVATE KEY-----\n" + "\n".join(lines) + "\n-----END PRIVATE KEY-----\n"

    def _nonces(self, digest):
        """RFC 6979 section 3.2."""
        x = self.secret.to_bytes(32, "big")
        h = (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
        v, k = b"\x01" * 32, b"\x00" * 32
        for tag in (b"\x00", b"\x01"):
            k = hmac.new(k, v + tag + x + h, hashlib.sha256).digest()
            v = hmac.new(k, v, hashlib.sha256).digest()
        while True:
            v = hmac.new(k, v, hashlib.sha256).digest()
            nonce = int.from_bytes(v, "big")
            if 0 < nonce < N:
                yield nonce
            k = hmac.new(k, v + b"\x00", hashlib.sha256).digest()
            v = hmac.new(k, v, hashlib.sha256).digest()

    def sign(self, message):
        digest = hashlib.sha256(message).digest()
        e = int.from_bytes(digest, "big")
        for k in self._nonces(digest):
            r = _affine(_multiply_base(k))[0] % N
            s = pow(k, -1, N) * (e + r * self.secret) % N
            if r != 0 and s != 0:
                return der_encode(r, s)


if __name__ == "__main__":
    # RFC 6979 A.2.5, message "sample", SHA-256.
    _key = PrivateKey(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721)
    assert _key.public.x == 0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
    assert der_decode(_key.sign(b"sample")) == (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    )
    assert _key.public.verify(_key.sign(b"sample"), b"sample")
    assert not _key.public.verify(_key.sign(b"sample"), b"simple")
    print("ok")
