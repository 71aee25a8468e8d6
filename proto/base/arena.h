/* Memory that grows by whole blocks up to a limit, never moves, and goes all at once.
 *
 * For what arrives over a lifetime and never leaves before its owner does (the op graph).
 *
 * Layer:  base.  The one allocator of the core outside of *_new.
 * Owner:  the struct lives inside its owner; end it with wr_arena_wipe.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_BASE_ARENA_H
#define WR_BASE_ARENA_H

#include "base/base.h"

#define WR_ARENA_BLOCK_BYTES (64u * 1024u)
#define WR_ARENA_ALIGN 16u

typedef struct wr_arena_block wr_arena_block;

typedef struct wr_arena {
    wr_arena_block *block; /* the one being filled, then full ones */
    size_t block_free;     /* bytes left in it */
    size_t total;          /* bytes of all blocks */
    size_t limit;          /* total never goes beyond */
} wr_arena;

/* Holds nothing yet.  Blocks together take at most limit bytes. */
void wr_arena_init(wr_arena *arena, size_t limit);
/* Frees every block: all pointers from the arena end here. */
void wr_arena_wipe(wr_arena *arena);

/* size > 0 zeroed bytes, aligned for any type; they live until wr_arena_wipe.
 *   LIMIT  the block that this needs would go beyond the limit
 *   NOMEM
 * On error nothing changed. */
WR_MUST wr_err wr_arena_take(wr_arena *arena, size_t size, void **ret_memory);

/* Bytes that blocks may still take, and those left in the one being filled. */
size_t wr_arena_room(const wr_arena *arena);

#endif /* WR_BASE_ARENA_H */
