/* Folders whose names are known to be canonical, or to lead elsewhere: a name in them needs one lstat and no more. */
#ifndef VESTIGE_FOLDERS_H
#define VESTIGE_FOLDERS_H

#include "name.h"

enum folder { FOLDER_UNKNOWN, FOLDER_CANONICAL, FOLDER_LINKED };

/* What is known of a folder: canonical, or linked, with what it leads to in `canonical`. */
enum folder folders_look(const char *path, size_t length, struct name *canonical);
/* The names may mean something else from now on: a link, a rename of a folder, a mount. */
void folders_forget(void);
/* The true name of what one of our own descriptors leads to. */
bool folders_read_back(struct name *real, int fd);

#endif
