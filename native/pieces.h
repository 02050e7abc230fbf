/* Pieces of captured output: neighbours of one stream become one `output` event. */
#ifndef VESTIGE_PIECES_H
#define VESTIGE_PIECES_H

#include "shared.h"

/* A piece that may still grow. */
struct piece {
    int stream; /* -1: none */
    uint64_t offset;
    uint64_t length;
    uint64_t since;
};

void piece_add(struct shared *shared, struct piece *piece, int stream, uint64_t offset, uint64_t length);
/* Writes it down; the next is a new one. */
void piece_record(struct shared *shared, struct piece *piece);

#endif
