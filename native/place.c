#include "place.h"

#include "state.h"

void place_clear(struct place *place)
{
    place->readable = place->nowhere = place->foreign = place->denied = false;
    place->path.length = place->base.length = place->real.length = place->full.length = place->root.length = 0;
    place->sight = SIGHT_NONE;
}

static void write_name(struct json *json, const char *key, const struct name *name)
{
    if (name->length > 0)
        json_text(json, key, name->text, name->length);
}

bool place_is_unnamed(const struct place *place)
{
    return place->sight == SIGHT_STATE && state_is_unnamed(&place->full, &place->status);
}

void place_write(struct json *json, const struct place *place)
{
    if (place->readable)
        json_text(json, "path", place->path.text, place->path.length);
    write_name(json, "base", &place->base);
    write_name(json, "real", &place->real);
    write_name(json, "root", &place->root);
    if (place->foreign)
        json_bool(json, "foreign", true);
    if (place->sight == SIGHT_STATE)
        state_write(json, "state", &place->status);
    else if (place->sight == SIGHT_ABSENT)
        json_bool(json, "absent", true);
    if (place_is_unnamed(place))
        json_bool(json, "unnamed", true);
    if (place->denied)
        json_bool(json, "denied", true);
}

uint64_t place_fingerprint(const struct place *place, uint64_t seed)
{
    uint64_t hash = hash_bytes(seed ^ HASH_START, place->full.text, place->full.length);

    hash = hash_bytes(hash, place->path.text, place->path.length);
    hash = hash_bytes(hash, &place->sight, sizeof place->sight);
    return place->sight == SIGHT_STATE ? state_hash(hash, &place->status) : hash;
}
