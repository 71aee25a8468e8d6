/* Memory that grows by whole blocks up to a limit, never moves, and goes all at once.
 *
 * Layer:  base
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

struct wr_arena_block {
    wr_arena_block *next;
    alignas(WR_ARENA_ALIGN) uint8_t bytes[];
};

_Static_assert(WR_ARENA_ALIGN >= alignof(max_align_t), "fits any type");

void wr_arena_init(wr_arena *arena, size_t limit) {
    *arena = (wr_arena){.limit = limit};
}

void wr_arena_wipe(wr_arena *arena) {
    wr_arena_block *block = arena->block;
    while (block != NULL) {
        wr_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (wr_arena){.limit = arena->limit};
}

static wr_err block_new(wr_arena *arena, size_t room, wr_arena_block **ret_block) {
    size_t bytes = sizeof(wr_arena_block) + room;
    if (bytes > arena->limit - arena->total)
        return WR_ERR_LIMIT;
    wr_arena_block *block = calloc(1, bytes);
    if (block == NULL)
        return WR_ERR_NOMEM;
    arena->total += bytes;
    *ret_block = block;
    return WR_OK;
}

/* What is larger than a block gets one of its own, behind the one being filled. */
static wr_err take_large(wr_arena *arena, size_t size, void **ret_memory) {
    wr_arena_block *block;
    WR_TRY(block_new(arena, size, &block));
    if (arena->block == NULL) {
        arena->block = block;
        arena->block_free = 0;
    } else {
        block->next = arena->block->next;
        arena->block->next = block;
    }
    *ret_memory = block->bytes;
    return WR_OK;
}

wr_err wr_arena_take(wr_arena *arena, size_t size, void **ret_memory) {
    const size_t room = WR_ARENA_BLOCK_BYTES - sizeof(wr_arena_block);
    WR_ASSERT(size > 0);
    WR_ASSERT(arena->total <= arena->limit);
    if (size > arena->limit)
        return WR_ERR_LIMIT;
    size = (size + WR_ARENA_ALIGN - 1) / WR_ARENA_ALIGN * WR_ARENA_ALIGN;
    if (size > room)
        return take_large(arena, size, ret_memory);
    if (size > arena->block_free) {
        wr_arena_block *block;
        WR_TRY(block_new(arena, room, &block));
        block->next = arena->block;
        arena->block = block;
        arena->block_free = room;
    }
    *ret_memory = arena->block->bytes + (room - arena->block_free);
    arena->block_free -= size;
    return WR_OK;
}

size_t wr_arena_room(const wr_arena *arena) {
    return arena->limit - arena->total + arena->block_free;
}
