/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.h - which route serves a request: path cleaning, percent-decoding, method+path table.
 *
 * Pure: no sockets. A path is cleaned as Rekor's router does it: empty and "." segments go, ".."
 * takes the segment before it away, a trailing slash does not count.
 */
#ifndef PL_SERVER_ROUTER_H
#define PL_SERVER_ROUTER_H

#include "server/http.h"

/* The bit of a method's name; PL_OTHER_METHOD when it is none of ours. */
enum pl_method pl_method_parse(struct pl_bytes name);
/* "GET"; "OTHER" for PL_OTHER_METHOD. */
const char *pl_method_name(enum pl_method method);
/* "GET,POST" for the methods of the set, without HEAD, in the order of enum pl_method. */
#define PL_METHODS_TEXT_MAX 48
const char *pl_methods_text(unsigned methods, char out[PL_METHODS_TEXT_MAX]);

/*
 * The path of @target (up to '?'), cleaned but still percent-encoded: "/", "/a/b". Borrowed from
 * @target when that is clean already, else in the arena; p == NULL when out of memory.
 */
struct pl_bytes pl_path_clean(struct pl_bytes path, struct pl_arena *arena);
/* Decodes percent escapes (and '+' as a blank if @form). @in has only valid escapes. p == NULL when
 * out of memory; @in itself if there is nothing to decode. */
struct pl_bytes pl_percent_decode(struct pl_bytes in, bool form, struct pl_arena *arena);

/*
 * Finds the row for req->method and req->path and fills req->route and req->params. Of several rows
 * with this path and method the one with the fewest "{...}" wins. False when there is none; then
 * *@allowed_out holds the methods that the path has, 0 for an unknown path.
 */
bool pl_route_find(struct pl_req *req, const struct pl_route *routes, unsigned *allowed_out);
/* One table of several, all ending with a NULL pattern; free() it. NULL: out of memory. */
struct pl_route *pl_routes_join(const struct pl_route *const *tables, size_t n);

/* 406: the Accept headers of @req admit @type ("application/json"). Absent admits all. */
bool pl_accepts(const struct pl_req *req, const char *type);
/* Same media type, without case. */
bool pl_media_is(struct pl_bytes type, const char *want);
/* The media type of the Content-Type header without parameters, in the sender's spelling;
 * "application/octet-stream" without one. */
struct pl_bytes pl_content_type(const struct pl_req *req);

#endif
