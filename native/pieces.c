#include "pieces.h"

#include "events.h"
#include "streams.h"

enum { MERGE_NS = 10000000 };

void piece_record(struct shared *shared, struct piece *piece)
{
    struct event event;

    if (piece->stream < 0)
        return;
    event_start(&event, shared, "output", NULL);
    json_string(&event.json, "stream", stream_names[piece->stream]);
    json_uint(&event.json, "offset", piece->offset);
    json_uint(&event.json, "length", piece->length);
    json_uint(&event.json, "since", piece->since);
    event_record(shared, &event.json);
    piece->stream = -1;
}

void piece_add(struct shared *shared, struct piece *piece, int stream, uint64_t offset, uint64_t length)
{
    const uint64_t now = shared_now(shared);

    if (piece->stream != stream || now - piece->since > MERGE_NS)
        piece_record(shared, piece);
    if (piece->stream < 0)
        *piece = (struct piece){stream, offset, 0, now};
    piece->length += length;
}
