/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - what went wrong, for the caller and for the log.
 *
 * A fallible function returns enum pl_code and fills a caller-owned struct pl_err, its last
 * argument, never NULL. On failure its outputs are untouched. Nothing is allocated and nothing is
 * thread-local. Errors are returned, not logged: one place at the edge logs each failure once.
 */
#ifndef PL_CORE_BASE_ERR_H
#define PL_CORE_BASE_ERR_H

#include <stdbool.h>

#define PL_MUST_CHECK              __attribute__((warn_unused_result))
#define PL_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

/* What the caller can do. The HTTP status in brackets is what server/reply.c makes of it. */
enum pl_code {
    PL_OK = 0,
    PL_EINVAL,    /* malformed: the sender must change it (400) */
    PL_EVERIFY,   /* well formed, but a signature, proof or identity fails (400) */
    PL_ENOTFOUND, /* (404) */
    PL_EEXISTS,   /* already in the log, index known (201 with the first entry, or 409) */
    PL_ETOOBIG,   /* over a limit that the text names (413) */
    PL_EBUSY,     /* queue full, draining, clock behind: try again (503 with Retry-After) */
    PL_ENOSPACE,  /* disk below its floor: writes stop, reads go on (507) */
    PL_EIO,       /* disk, network, SQLite or libcurl (500; 503 for a write that was rolled back) */
    PL_ECORRUPT,  /* stored data contradicts itself: stop writing, stay readable (500) */
    PL_ENOMEM,    /* this request only (500) */
    PL_CODE_COUNT
};

struct pl_err {
    enum pl_code code;
    int cause;        /* errno, SQLite extended code or CURLcode; 0 if none */
    const char *file; /* where it began; static storage */
    int line;
    char text[512]; /* what happened, outermost context first; cut with "..." */
};

/* The code's name, such as "PL_EINVAL"; "?" when out of range. */
const char *pl_code_name(enum pl_code code);

/* Clears @err to PL_OK. */
void pl_err_clear(struct pl_err *err);

/* Sets all fields and returns @code. Use PL_FAIL, which fills in the place. */
enum pl_code pl_err_set(struct pl_err *err, enum pl_code code, int cause, const char *file,
                        int line, const char *fmt, ...) PL_PRINTF(6, 7);

/* Puts "context: " before the text; code, cause and place stay. Returns err->code. */
enum pl_code pl_err_wrap(struct pl_err *err, const char *fmt, ...) PL_PRINTF(2, 3);

/* Lets the compiler see which code pl_err_set returns: it warns of fewer unset outputs then. */
static inline enum pl_code pl_err_same(enum pl_code code, enum pl_code set)
{
    (void)set;
    return code;
}
#define PL_FAIL(err, code, ...) PL_FAIL_CAUSE(err, code, 0, __VA_ARGS__)
#define PL_FAIL_CAUSE(err, code, cause, ...) \
    pl_err_same((code), pl_err_set((err), (code), (cause), __FILE__, __LINE__, __VA_ARGS__))

/* For functions with a local `enum pl_code rc` and one label `out`. */
#define PL_TRY(call)                \
    do {                            \
        if ((rc = (call)) != PL_OK) \
            goto out;               \
    } while (0)

/* Cannot happen, but is safe anyway: aborts in debug builds (NDEBUG unset), the live test else. */
#ifdef NDEBUG
#define PL_NEVER(x) __builtin_expect(!!(x), 0)
#else
#define PL_NEVER(x) ((x) ? (pl_never_happened(#x, __FILE__, __LINE__), true) : false)
#endif
_Noreturn void pl_never_happened(const char *expr, const char *file, int line);

#endif
