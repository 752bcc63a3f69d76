/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_http.c - a table of malformed, hostile and merely unusual requests against a real server.
 *
 * Each row: the bytes, the statuses of all the answers they must give, and whether the connection
 * lives on. That is proved by a good request behind them: answered when it lives, else the
 * connection ends without another byte. So a smuggled request shows as an answer too many.
 */
#include "tests/lib/http_toy.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIVES true
#define ENDS  false
#define HEAD  1u /* the first answer has no body */
#define SLOW  2u /* no good request behind it: a deadline must end it */
#define BARE  4u /* not in pieces */

struct row {
    const char *name;
    const char *bytes;
    size_t n;
    const char *statuses; /* "200 400"; "" when it is closed without an answer */
    bool lives;
    const char *want; /* part of the last answer's head or body, or NULL */
    unsigned flags;
};
#define ROW(name, bytes, statuses, lives, want, flags)               \
    {                                                                \
        name, bytes, sizeof(bytes) - 1, statuses, lives, want, flags \
    }
#define H       "Host: x\r\n"
#define END     H "\r\n"
#define PING    "GET /ping HTTP/1.1\r\n" END
#define POST    "POST /echo HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

/* clang-format off */
static const struct row ROWS[] = {
    /* ---- what must work ---- */
    ROW("plain GET", PING, "200", LIVES, "\r\n\r\n", 0),
    ROW("three pipelined", PING PING PING, "200 200 200", LIVES, NULL, 0),
    ROW("pipelined behind a slow one", "GET /later?ms=30 HTTP/1.1\r\n" END PING, "200 200", LIVES, ".", 0),
    ROW("pipelined POST and GET", POST "Content-Length: 3\r\n\r\nabc" PING, "200 200", LIVES, ".", 0),
    ROW("body with length", POST "Content-Length: 3\r\n\r\nabc", "200", LIVES, "abc", 0),
    ROW("empty body", POST "Content-Length: 0\r\n\r\n", "200", LIVES, "Content-Length: 0", 0),
    ROW("POST without a body", POST "\r\n", "200", LIVES, "Content-Length: 0", 0),
    ROW("body with NUL", POST "Content-Length: 3\r\n\r\na\0c", "200", LIVES, NULL, 0),
    ROW("chunks", CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "200", LIVES, "abcde", 0),
    ROW("chunk size in upper case hex", CHUNKED "A\r\n0123456789\r\n0\r\n\r\n", "200", LIVES, "0123456789", 0),
    ROW("chunk size with zeros", CHUNKED "0003\r\nabc\r\n000\r\n\r\n", "200", LIVES, "abc", 0),
    ROW("chunk extension", CHUNKED "3;a=b;c=\"d e\"\r\nabc\r\n0\r\n\r\n", "200", LIVES, "abc", 0),
    ROW("trailers are dropped", CHUNKED "1\r\na\r\n0\r\nX-A: b\r\nHost: y\r\n\r\n", "200", LIVES, "a", 0),
    ROW("a body on GET is read", "GET /ping HTTP/1.1\r\nContent-Length: 3\r\n" END "abc", "200", LIVES, ".", 0),
    ROW("HEAD", "HEAD /ping HTTP/1.1\r\n" END, "200", LIVES, "Content-Length: 1", HEAD),
    ROW("HEAD of a missing path", "HEAD /nope HTTP/1.1\r\n" END, "404", LIVES, "Content-Length: 49", HEAD),
    ROW("HTTP/1.0 closes", "GET /ping HTTP/1.0\r\n\r\n", "200", ENDS, "Connection: close", 0),
    ROW("HTTP/1.0 keep-alive", "GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200", LIVES, "Connection: keep-alive", 0),
    ROW("HTTP/1.0 with Host", "GET /ping HTTP/1.0\r\n" END, "200", ENDS, NULL, 0),
    ROW("Connection: close", "GET /ping HTTP/1.1\r\nConnection: close\r\n" END, "200", ENDS, "Connection: close", 0),
    ROW("a second message behind close", "GET /ping HTTP/1.1\r\nConnection: close\r\n" END PING, "200", ENDS, NULL, 0),
    ROW("close among tokens", "GET /ping HTTP/1.1\r\nConnection: x, Close\r\n" END, "200", ENDS, NULL, 0),
    ROW("empty line before the request", "\r\n\r\n" PING, "200", LIVES, ".", 0),
    ROW("Expect: 100-continue", POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "200", LIVES, "abc", BARE),
    ROW("Expect without a body", POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", "200", LIVES, NULL, 0),
    ROW("double slashes", "GET //entries///a HTTP/1.1\r\n" END, "200", LIVES, "\r\n\r\n", 0),
    ROW("trailing slash", "GET /ping/ HTTP/1.1\r\n" END, "200", LIVES, ".", 0),
    ROW("dot segments", "GET /x/./../ping HTTP/1.1\r\n" END, "200", LIVES, ".", 0),
    ROW("any case where so marked", "GET /PiNg HTTP/1.1\r\n" END, "200", LIVES, ".", 0),
    ROW("case matters elsewhere", "GET /JSON HTTP/1.1\r\n" END, "404", LIVES, NULL, 0),
    ROW("percent escape in a parameter", "GET /entries/a%2Fb HTTP/1.1\r\n" END, "200", LIVES, "a/b", 0),
    ROW("literal segment before a parameter", "GET /entries/special HTTP/1.1\r\n" END, "200", LIVES, "Content-Length: 1\r\n", 0),
    ROW("query is not path", "GET /ping?a=/b HTTP/1.1\r\n" END, "200", LIVES, ".", 0),
    ROW("obs-text in a value", "GET /ping HTTP/1.1\r\nX: \xc3\xa9\r\n" END, "200", LIVES, NULL, 0),
    ROW("TAB in a value", "GET /ping HTTP/1.1\r\nX: a\tb\r\n" END, "200", LIVES, NULL, 0),
    ROW("100 header lines less Host", "GET /ping HTTP/1.1\r\nA:\r\nB:\r\n" END, "200", LIVES, NULL, 0),
    /* ---- routes and media types, as Rekor answers them ---- */
    ROW("no such path", "GET /foo HTTP/1.1\r\n" END, "404", LIVES, "{\"code\":404,\"message\":\"path /foo was not found\"}", 0),
    ROW("a quote in the path", "GET /a\"b HTTP/1.1\r\n" END, "404", LIVES, "path /a\\\"b was not found", 0),
    ROW("wrong method", "DELETE /json HTTP/1.1\r\n" END, "405", LIVES, "{\"code\":405,\"message\":\"method DELETE is not allowed, but [GET,POST] are\"}", 0),
    ROW("wrong method names the right ones", "PUT /json HTTP/1.1\r\n" END, "405", LIVES, "Allow: GET,POST\r\n", 0),
    ROW("TRACE", "TRACE /ping HTTP/1.1\r\n" END, "405", LIVES, NULL, 0),
    ROW("wrong method with a body", "PUT /ping HTTP/1.1\r\nContent-Length: 3\r\n" END "abc", "405", LIVES, NULL, 0),
    ROW("missing path with chunks", "POST /nope HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "1\r\na\r\n0\r\n\r\n", "404", ENDS, "Connection: close", 0),
    ROW("not acceptable", "GET /json HTTP/1.1\r\nAccept: text/plain\r\n" END, "406", LIVES, "{\"code\":406,\"message\":\"unsupported media type requested, only [application/json] are available\"}", 0),
    ROW("acceptable among others", "GET /json HTTP/1.1\r\nAccept: text/html, application/*;q=0.8\r\n" END, "200", LIVES, "{\"a\":1}\n", 0),
    ROW("acceptable with weight zero", "GET /json HTTP/1.1\r\nAccept: application/json;q=0.0\r\n" END, "406", LIVES, NULL, 0),
    ROW("PEM is acceptable where so marked", "GET /pem HTTP/1.1\r\nAccept: application/x-pem-file\r\n" END, "200", LIVES, NULL, 0),
    ROW("no cache on GET", "GET /json HTTP/1.1\r\n" END, "200", LIVES, "X-Accel-Expires: 0\r\n", 0),
    ROW("wrong content type", "POST /json HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n" END "{}", "415", LIVES, "{\"code\":415,\"message\":\"unsupported media type \\\"text/plain\\\", only [application/json] are allowed\"}", 0),
    ROW("no content type", "POST /json HTTP/1.1\r\nContent-Length: 2\r\n" END "{}", "415", LIVES, "\\\"application/octet-stream\\\"", 0),
    ROW("content type with a parameter", "POST /json HTTP/1.1\r\nContent-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n" END "{}", "200", LIVES, NULL, 0),
    ROW("415 before the body is sent", "POST /json HTTP/1.1\r\nExpect: 100-continue\r\nContent-Type: a/b\r\nContent-Length: 2\r\n" END, "415", ENDS, "Connection: close", 0),
    ROW("CORS", "GET /json HTTP/1.1\r\nOrigin: http://a\r\n" END, "200", LIVES, "Vary: Origin\r\nAccess-Control-Allow-Origin: *\r\n", 0),
    ROW("CORS of a missing path", "GET /foo HTTP/1.1\r\nOrigin: http://a\r\n" END, "404", LIVES, "Access-Control-Allow-Origin: *\r\n", 0),
    ROW("preflight", "OPTIONS /json HTTP/1.1\r\nOrigin: http://a\r\nAccess-Control-Request-Method: POST\r\n" END, "204", LIVES, "Access-Control-Allow-Methods: POST\r\n", 0),
    ROW("preflight of another method", "OPTIONS /json HTTP/1.1\r\nOrigin: http://a\r\nAccess-Control-Request-Method: DELETE\r\n" END, "204", LIVES, "Access-Control-Request-Headers\r\n\r\n", 0),
    ROW("preflight of a known header", "OPTIONS /json HTTP/1.1\r\nOrigin: http://a\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n" END, "204", LIVES, "Access-Control-Allow-Headers: content-type\r\n", 0),
    ROW("OPTIONS without preflight", "OPTIONS /json HTTP/1.1\r\n" END, "405", LIVES, NULL, 0),
    ROW("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" END, "404", LIVES, NULL, 0),
    ROW("a 6xx code", "GET /code HTTP/1.1\r\n" END, "422", LIVES, "{\"code\":602,\"message\":\"kind in body is required\"}", 0),
    ROW("a 500 hides its reason", "GET /fail HTTP/1.1\r\nX-Request-Id: req-7\r\n" END, "500", LIVES, "request id req-7", 0),
    ROW("a 503 says when to come back", "GET /busy HTTP/1.1\r\n" END, "503", LIVES, "Retry-After: 2\r\n", 0),
    ROW("no header is split", "GET /split?v=a%0d%0aX-Evil:1 HTTP/1.1\r\n" END, "200", LIVES, "X-Value: a??X-Evil:1\r\n", 0),
    /* ---- request line ---- */
    ROW("HTTP/0.9", "GET /ping\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("HTTP/1.2", "GET /ping HTTP/1.2\r\n" END, "505", ENDS, NULL, 0),
    ROW("HTTP/2.0", "GET /ping HTTP/2.0\r\n" END, "505", ENDS, NULL, 0),
    ROW("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", ENDS, NULL, 0),
    ROW("HTTP/1.10", "GET /ping HTTP/1.10\r\n" END, "505", ENDS, NULL, 0),
    ROW("HTTP/1", "GET /ping HTTP/1\r\n" END, "505", ENDS, NULL, 0),
    ROW("http/1.1", "GET /ping http/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("blank behind the version", "GET /ping HTTP/1.1 \r\n" END, "505", ENDS, NULL, 0),
    ROW("two blanks before the target", "GET  /ping HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("two blanks behind the target", "GET /ping  HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("TAB for a blank", "GET\t/ping HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("lower-case method", "get /ping HTTP/1.1\r\n" END, "501", ENDS, NULL, 0),
    ROW("unknown method", "BREW /ping HTTP/1.1\r\n" END, "501", ENDS, NULL, 0),
    ROW("method with a brace", "G{T /ping HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("blank first", " GET /ping HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("TLS client hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400", ENDS, NULL, 0),
    ROW("LF first", "\n" PING, "400", ENDS, NULL, 0),
    ROW("absolute-form", "GET http://x/ping HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("authority-form", "GET x:80 HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("CONNECT", "CONNECT x:80 HTTP/1.1\r\n" END, "501", ENDS, NULL, 0),
    ROW("CONNECT with a path", "CONNECT /ping HTTP/1.1\r\n" END, "501", ENDS, NULL, 0),
    ROW("* with GET", "GET * HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("target without slash", "GET ping HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("fragment", "GET /ping#a HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("TAB in the target", "GET /pi\tng HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("NUL in the target", "GET /pi\0ng HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("DEL in the target", "GET /pi\x7fng HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("raw UTF-8 in the target", "GET /pi\xc3\xa9ng HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("CR in the target", "GET /pi\rng HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("malformed percent escape", "GET /entries/%zz HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("percent at the end", "GET /entries/%4 HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    ROW("escaped NUL", "GET /entries/a%00 HTTP/1.1\r\n" END, "400", ENDS, NULL, 0),
    /* ---- headers ---- */
    ROW("no Host", "GET /ping HTTP/1.1\r\n\r\n", "400", ENDS, "exactly one Host", 0),
    ROW("two Hosts", "GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("two equal Hosts", "GET /ping HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "400", ENDS, "exactly one Host", 0),
    ROW("two Hosts on 1.0", "GET /ping HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("empty Host", "GET /ping HTTP/1.1\r\nHost:\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("list in Host", "GET /ping HTTP/1.1\r\nHost: a,b\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("blank in Host", "GET /ping HTTP/1.1\r\nHost: a b\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("path in Host", "GET /ping HTTP/1.1\r\nHost: a/b\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("blank before the colon", "GET /ping HTTP/1.1\r\nX : a\r\n" END, "400", ENDS, NULL, 0),
    ROW("blank before Host's colon", "GET /ping HTTP/1.1\r\nHost : x\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("TAB before the colon", "GET /ping HTTP/1.1\r\nX\t: a\r\n" END, "400", ENDS, NULL, 0),
    ROW("empty name", "GET /ping HTTP/1.1\r\n: a\r\n" END, "400", ENDS, NULL, 0),
    ROW("no colon", "GET /ping HTTP/1.1\r\nabc\r\n" END, "400", ENDS, NULL, 0),
    ROW("folded line", "GET /ping HTTP/1.1\r\nX: a\r\n b\r\n" END, "400", ENDS, "folded", 0),
    ROW("folded with TAB", "GET /ping HTTP/1.1\r\nX: a\r\n\tb\r\n" END, "400", ENDS, "folded", 0),
    ROW("folded first line", "GET /ping HTTP/1.1\r\n X: a\r\n" END, "400", ENDS, NULL, 0),
    ROW("bare LF", "GET /ping HTTP/1.1\nHost: x\n\n", "400", ENDS, "LF without CR", 0),
    ROW("one bare LF", "GET /ping HTTP/1.1\r\nX: a\n" END, "400", ENDS, NULL, 0),
    ROW("bare LF ends the head", "GET /ping HTTP/1.1\r\nHost: x\r\n\n", "400", ENDS, NULL, 0),
    ROW("bare CR in a value", "GET /ping HTTP/1.1\r\nX: a\rb\r\n" END, "400", ENDS, NULL, 0),
    ROW("CR CR LF", "GET /ping HTTP/1.1\r\nX: a\r\r\n" END, "400", ENDS, NULL, 0),
    ROW("NUL in a value", "GET /ping HTTP/1.1\r\nX: a\0b\r\n" END, "400", ENDS, NULL, 0),
    ROW("NUL in a name", "GET /ping HTTP/1.1\r\nX\0: a\r\n" END, "400", ENDS, NULL, 0),
    ROW("control character in a value", "GET /ping HTTP/1.1\r\nX: a\x01\r\n" END, "400", ENDS, NULL, 0),
    ROW("DEL in a value", "GET /ping HTTP/1.1\r\nX: a\x7f\r\n" END, "400", ENDS, NULL, 0),
    ROW("8-bit name", "GET /ping HTTP/1.1\r\n\xc3\xa9: a\r\n" END, "400", ENDS, NULL, 0),
    ROW("Upgrade", "GET /ping HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" END, "400", ENDS, "Upgrade", 0),
    ROW("Upgrade to h2c", "GET /ping HTTP/1.1\r\nUpgrade: h2c\r\n" END, "400", ENDS, NULL, 0),
    ROW("another expectation", POST "Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc", "417", ENDS, NULL, 0),
    /* ---- framing ---- */
    ROW("two lengths", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400", ENDS, "more than one Content-Length", 0),
    ROW("two equal lengths", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400", ENDS, "more than one Content-Length", 0),
    ROW("list of lengths", POST "Content-Length: 3, 3\r\n\r\nabc", "400", ENDS, NULL, 0),
    ROW("signed length", POST "Content-Length: +3\r\n\r\nabc", "400", ENDS, NULL, 0),
    ROW("negative length", POST "Content-Length: -3\r\n\r\nabc", "400", ENDS, NULL, 0),
    ROW("hex length", POST "Content-Length: 0x3\r\n\r\nabc", "400", ENDS, NULL, 0),
    ROW("length with a leading zero", POST "Content-Length: 03\r\n\r\nabc", "400", ENDS, NULL, 0),
    ROW("length with a blank", POST "Content-Length: 1 1\r\n\r\nabcdefghijk", "400", ENDS, NULL, 0),
    ROW("empty length", POST "Content-Length:\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("length beyond 2^64", POST "Content-Length: 18446744073709551619\r\n\r\nabc", "400", ENDS, NULL, 0),
    ROW("length below 2^63", POST "Content-Length: 999999999999999999\r\n\r\nabc", "413", ENDS, "Limit set to 1000 bytes, the body has 999999999999999999", 0),
    ROW("chunked and a length", POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" PING, "400", ENDS, "both Transfer-Encoding and Content-Length", 0),
    ROW("a length and chunked", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400", ENDS, "both Transfer-Encoding and Content-Length", 0),
    ROW("identity", POST "Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", "400", ENDS, NULL, 0),
    ROW("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("chunked, identity", POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("chunked twice in two lines", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("chunked and identity in two lines", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("Chunked", POST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("chunked with a parameter", POST "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("empty encoding", POST "Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc", "400", ENDS, NULL, 0),
    ROW("vertical tab before chunked", POST "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("blank before the encoding's colon", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("chunked on 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("chunked on 1.0 keep-alive", "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" PING, "400", ENDS, NULL, 0),
    ROW("blank before a chunk size", CHUNKED " 3\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("blank behind a chunk size", CHUNKED "3 \r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("blank before an extension", CHUNKED "3 ;a\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("TAB behind a chunk size", CHUNKED "3\t\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("LF behind a chunk size", CHUNKED "3\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("LF in an extension", CHUNKED "3;a\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("CR in an extension", CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("NUL in an extension", CHUNKED "3;a\0b\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("empty extension", CHUNKED "3;\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("negative chunk size", CHUNKED "-3\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("0x chunk size", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("no chunk size", CHUNKED "\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("chunk size over 64 bits", CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("chunk longer than its size", CHUNKED "3\r\nabcd\r\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("chunk ends in LF", CHUNKED "3\r\nabc\n0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("last chunk ends in LF", CHUNKED "3\r\nabc\r\n0\n\r\n", "400", ENDS, NULL, 0),
    ROW("the end is LF", CHUNKED "3\r\nabc\r\n0\r\n\n", "400", ENDS, NULL, 0),
    ROW("trailer with a bare LF", CHUNKED "0\r\nA: b\n\r\n", "400", ENDS, NULL, 0),
    ROW("trailer without a colon", CHUNKED "0\r\nGET /ping HTTP/1.1\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("folded trailer", CHUNKED "0\r\nA: b\r\n c\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("blank before a trailer's colon", CHUNKED "0\r\nA : b\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("NUL in a trailer", CHUNKED "0\r\nA: \0\r\n\r\n", "400", ENDS, NULL, 0),
    ROW("smuggling: CL.TE", POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", "400", ENDS, NULL, 0),
    ROW("smuggling: TE.CL", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" PING, "400", ENDS, NULL, 0),
    ROW("smuggling: a length behind a folded line", POST "X: a\r\n\tContent-Length: 3\r\n\r\nabc", "400", ENDS, NULL, 0),
    ROW("a length in a GET hides a request", "GET /ping HTTP/1.1\r\nContent-Length: 34\r\n" END "GET /ping HTTP/1.1\r\nHost: hidden\r\n", "200", LIVES, NULL, 0),
    ROW("garbage behind a message", PING "\x01\x02", "200 400", ENDS, NULL, BARE),
    ROW("text behind a message", PING "garbage\r\n\r\n", "200 400", ENDS, NULL, 0),
    /* ---- sizes ---- */
    ROW("over the route's limit", POST "Content-Length: 1001\r\n\r\n", "413", ENDS, "{\"code\":413,\"message\":\"Request Entity Too Large. Limit set to 1000 bytes, the body has 1001\"}", 0),
    ROW("over the limit, asked first", POST "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n", "413", ENDS, "Connection: close", 0),
    ROW("over the server's limit", "POST /big HTTP/1.1\r\nContent-Length: 1048577\r\n" END, "413", ENDS, "Limit set to 1048576", 0),
};

/* Their bytes end before the request does: a deadline must end them. */
static const struct row SLOW_ROWS[] = {
    ROW("no request at all", "", "", ENDS, NULL, SLOW),
    ROW("an empty line and nothing", "\r\n", "", ENDS, NULL, SLOW),
    ROW("half an empty line", "\r", "", ENDS, NULL, SLOW),
    ROW("half a request line", "GET /pi", "408", ENDS, "Connection: close", SLOW),
    ROW("half a head", "GET /ping HTTP/1.1\r\nHost: x\r\n", "408", ENDS, NULL, SLOW),
    ROW("half a head behind a request", PING "GET /ping", "200 408", ENDS, NULL, SLOW),
    ROW("half a body", POST "Content-Length: 5\r\n\r\nabc", "408", ENDS, "in time", SLOW),
    ROW("half a chunk", CHUNKED "5\r\nabc", "408", ENDS, NULL, SLOW),
    ROW("no last chunk", CHUNKED "3\r\nabc\r\n", "408", ENDS, NULL, SLOW),
    ROW("half a trailer", CHUNKED "0\r\nA: b", "408", ENDS, NULL, SLOW),
    ROW("idle behind a request", PING, "200", ENDS, NULL, SLOW),
};
/* clang-format on */

static void check_row(unsigned port, const struct row *row, size_t piece)
{
    static const char PROBE[] = "GET /entries/probe HTTP/1.1\r\nHost: x\r\n\r\n";
    struct toy_answer a = {.status = 0}, last = {.status = 0};
    int fd = toy_connect(port);

    for (size_t at = 0; at < row->n; at += piece)
        if (!toy_send(fd, row->bytes + at, row->n - at < piece ? row->n - at : piece))
            break;
    if ((row->flags & SLOW) == 0)
        toy_send_str(fd, PROBE);
    const char *want = row->statuses;
    for (unsigned i = 0; *want != '\0'; i++) {
        int status = (want[0] - '0') * 100 + (want[1] - '0') * 10 + (want[2] - '0');
        toy_read(fd, i == 0 && (row->flags & HEAD) != 0, &last);
        if (last.status != status)
            fail_msg("%s: answer %u is %d%s, want %d: %s", row->name, i, last.status,
                     last.timeout ? " (timeout)" : "", status, last.body);
        want += want[3] == ' ' ? 4 : 3;
    }
    if (row->want != NULL && strstr(last.head, row->want) == NULL &&
        strstr(last.body, row->want) == NULL)
        fail_msg("%s: no \"%s\" in: %s%s", row->name, row->want, last.head, last.body);
    if (row->lives) {
        toy_read(fd, false, &a);
        if (a.status != 200 || strcmp(a.body, "probe") != 0)
            fail_msg("%s: the connection does not live on: %d %s", row->name, a.status, a.body);
        shutdown(fd, SHUT_WR);
    }
    int rest = toy_rest(fd, 5000);
    if (rest != 0)
        fail_msg("%s: %s", row->name, rest == 1 ? "an answer too many" : "not closed");
    close(fd);
}

static void check_rows(size_t piece)
{
    struct toy toy;

    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
        if (piece >= 64 || (ROWS[i].flags & BARE) == 0)
            check_row(toy.port, &ROWS[i], piece);
    assert_true(toy_wait_connections(&toy, 0));
    toy_stop(&toy);
}

static void each_request_gets_its_answers_and_no_more(void **state)
{
    (void)state;
    assert_true(sizeof(ROWS) / sizeof(ROWS[0]) >= 150);
    check_rows(SIZE_MAX / 2);
}

static void the_same_in_pieces_of_seven_bytes(void **state)
{
    (void)state;
    check_rows(7);
}

static void the_same_byte_by_byte(void **state)
{
    (void)state;
    check_rows(1);
}

static void each_unfinished_request_meets_its_deadline(void **state)
{
    struct pl_http_limits limits = TOY_LIMITS;
    struct toy toy;

    (void)state;
    limits.head_ms = 150;
    limits.idle_ms = 200;
    limits.request_ms = 250;
    toy_start(&toy, &limits, NULL, NULL);
    int64_t began = pl_now_ms();
    for (size_t i = 0; i < sizeof(SLOW_ROWS) / sizeof(SLOW_ROWS[0]); i++)
        check_row(toy.port, &SLOW_ROWS[i], SIZE_MAX / 2);
    assert_true(pl_now_ms() - began >= 1500); /* not closed before their time */
    assert_true(toy_wait_connections(&toy, 0));
    toy_stop(&toy);
}

/* Sent a byte at a time, each well within the deadline: the whole must keep it too. */
static void a_dripping_head_meets_the_deadline_of_the_whole(void **state)
{
    struct pl_http_limits limits = TOY_LIMITS;
    struct toy_answer a;
    struct toy toy;

    (void)state;
    limits.head_ms = 200;
    toy_start(&toy, &limits, NULL, NULL);
    int fd = toy_connect(toy.port);
    const char *bytes = "GET /ping HTTP/1.1\r\nHost: x\r\nX-Very-Long-Header: aaaaaaaaaaaaaaaaaaa";
    int64_t began = pl_now_ms();
    for (size_t i = 0; i < strlen(bytes) && pl_now_ms() - began < 2000; i++) {
        if (toy_rest(fd, 20) != 2)
            break;
        toy_send(fd, bytes + i, 1);
    }
    assert_true(pl_now_ms() - began < 1000);
    close(fd);
    fd = toy_connect(toy.port);
    toy_send_str(fd, "GET /pi");
    toy_read(fd, false, &a);
    assert_int_equal(a.status, 408);
    close(fd);
    toy_stop(&toy);
}

static void an_oversized_head_is_refused(void **state)
{
    struct toy_answer a;
    struct toy toy;

    (void)state;
    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    /* one long line, many lines, a long target; all without an end */
    static const struct {
        const char *start, *again;
    } HEADS[] = {{"GET /ping HTTP/1.1\r\nX: ", "a"},
                 {"GET /ping HTTP/1.1\r\n", "X: abc\r\n"},
                 {"GET /", "a"}};
    for (size_t i = 0; i < 3; i++) {
        struct pl_buf head;
        pl_buf_init(&head, 20100);
        pl_buf_add_str(&head, HEADS[i].start);
        while (head.n < 20000)
            pl_buf_add_str(&head, HEADS[i].again);
        int fd = toy_connect(toy.port);
        toy_send(fd, head.p, head.n);
        toy_read(fd, false, &a);
        assert_int_equal(a.status, 431);
        assert_non_null(strstr(a.body, "16384"));
        assert_int_equal(toy_rest(fd, 5000), 0);
        close(fd);
        pl_buf_free(&head);
    }
    /* 101 short lines fit into the size but not into the count */
    struct pl_buf b;
    pl_buf_init(&b, 8192);
    pl_buf_add_str(&b, "GET /ping HTTP/1.1\r\nHost: x\r\n");
    for (unsigned i = 0; i < 100; i++)
        pl_buf_add_str(&b, "A: b\r\n");
    pl_buf_add_str(&b, "\r\n");
    int fd = toy_connect(toy.port);
    toy_send(fd, b.p, b.n);
    toy_read(fd, false, &a);
    assert_int_equal(a.status, 431);
    close(fd);
    pl_buf_free(&b);
    toy_stop(&toy);
}

static void a_chunked_body_over_the_limit_is_refused_while_it_comes(void **state)
{
    struct toy_answer a;
    struct toy toy;
    char body[1400];

    (void)state;
    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    int fd = toy_connect(toy.port);
    memset(body, 'x', sizeof(body));
    toy_send_str(fd, CHUNKED "ffff\r\n");
    toy_send(fd, body, sizeof(body)); /* 1,000 are allowed; the chunk is not complete */
    toy_read(fd, false, &a);
    assert_int_equal(a.status, 413);
    assert_non_null(strstr(a.body, "1000"));
    assert_int_equal(toy_rest(fd, 5000), 0);
    close(fd);
    toy_stop(&toy);
}

static void the_body_is_asked_for_when_the_client_waits(void **state)
{
    struct toy_answer a;
    struct toy toy;

    (void)state;
    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    int fd = toy_connect(toy.port);
    toy_ask(fd, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", &a);
    assert_int_equal(a.status, 100);
    toy_ask(fd, "abc", &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "abc");
    close(fd);
    toy_stop(&toy);
}

static void a_large_body_arrives_whole(void **state)
{
    struct toy_answer a;
    struct toy toy;
    size_t n = (size_t)1 << 20;
    uint8_t *body = malloc(n);

    (void)state;
    memset(body, 1, n);
    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    int fd = toy_connect(toy.port);
    for (unsigned i = 0; i < 3; i++) {
        toy_send_str(fd, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n");
        toy_send(fd, body, n);
        toy_read(fd, false, &a);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, "1048576");
    }
    close(fd);
    free(body);
    toy_stop(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_gets_its_answers_and_no_more),
        cmocka_unit_test(the_same_in_pieces_of_seven_bytes),
        cmocka_unit_test(the_same_byte_by_byte),
        cmocka_unit_test(each_unfinished_request_meets_its_deadline),
        cmocka_unit_test(a_dripping_head_meets_the_deadline_of_the_whole),
        cmocka_unit_test(an_oversized_head_is_refused),
        cmocka_unit_test(a_chunked_body_over_the_limit_is_refused_while_it_comes),
        cmocka_unit_test(the_body_is_asked_for_when_the_client_waits),
        cmocka_unit_test(a_large_body_arrives_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
