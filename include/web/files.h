/* Answers with files of the pages. */
#ifndef WEB_FILES_H
#define WEB_FILES_H

#include "web/answer.h"
#include "web/assets.h"

/* Answers with a file of a site, or that it has none for this path, which begins with a slash. */
void files_answer(const struct answer *answer, const struct http_request *request,
                  enum assets_site site, struct str path);

#endif
