/* The arena: whole blocks up to a limit, nothing moves.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/arena.h"
#include "harness/harness.h"

static void pieces_are_zeroed_aligned_apart_and_never_move(void **state) {
    (void)state;
    enum { PIECES = 3000 };
    static uint8_t *piece[PIECES];
    wr_arena arena;
    wr_arena_init(&arena, 4 * 1024 * 1024);
    for (size_t i = 0; i < PIECES; i++) {
        size_t size = 1 + i % 700;
        void *memory;
        T_OK(wr_arena_take(&arena, size, &memory));
        piece[i] = memory;
        T_EQ((uintptr_t)memory % WR_ARENA_ALIGN, 0);
        T_TRUE(wr_is_zero(wr_slice_of(memory, size)));
        memset(memory, (int)(i % 251) + 1, size);
    }
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t at = 0; at < 1 + i % 700; at++)
            T_EQ(piece[i][at], i % 251 + 1);
    }
    wr_arena_wipe(&arena);
    T_EQ(arena.total, 0);
}

static void the_limit_is_for_all_blocks_together(void **state) {
    (void)state;
    wr_arena arena;
    void *memory;
    size_t taken = 0;
    wr_arena_init(&arena, 2 * WR_ARENA_BLOCK_BYTES + 100);
    while (wr_arena_take(&arena, 1024, &memory) == WR_OK)
        taken++;
    T_EQ(taken, 2 * (WR_ARENA_BLOCK_BYTES / 1024 - 1));
    T_EQ(arena.total, 2 * WR_ARENA_BLOCK_BYTES);
    T_ERR(wr_arena_take(&arena, 1024, &memory), WR_ERR_LIMIT);
    T_OK(wr_arena_take(&arena, 16, &memory)); /* the rest of a block is still good */
    T_EQ(arena.total, 2 * WR_ARENA_BLOCK_BYTES);
    T_ERR(wr_arena_take(&arena, SIZE_MAX, &memory), WR_ERR_LIMIT);
    T_ERR(wr_arena_take(&arena, WR_ARENA_BLOCK_BYTES, &memory), WR_ERR_LIMIT);
    wr_arena_wipe(&arena);
    T_OK(wr_arena_take(&arena, 1024, &memory)); /* empty again, under the same limit */
    wr_arena_wipe(&arena);
}

static void a_large_piece_leaves_the_current_block_in_use(void **state) {
    (void)state;
    wr_arena arena;
    void *large, *before, *after;
    wr_arena_init(&arena, 10 * WR_ARENA_BLOCK_BYTES);
    T_OK(wr_arena_take(&arena, 3 * WR_ARENA_BLOCK_BYTES, &large));
    T_TRUE(wr_is_zero(wr_slice_of(large, 3 * WR_ARENA_BLOCK_BYTES)));
    T_OK(wr_arena_take(&arena, 64, &before));
    T_OK(wr_arena_take(&arena, 2 * WR_ARENA_BLOCK_BYTES, &large));
    T_OK(wr_arena_take(&arena, 64, &after));
    T_TRUE((uint8_t *)after == (uint8_t *)before + 64);
    wr_arena_wipe(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_apart_and_never_move),
        cmocka_unit_test(the_limit_is_for_all_blocks_together),
        cmocka_unit_test(a_large_piece_leaves_the_current_block_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
