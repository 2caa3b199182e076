/* A QR code as an image, for phones that shall open a link: /qr.svg?text=LINK. */
#ifndef WEB_QR_IMAGE_H
#define WEB_QR_IMAGE_H

#include "proto/http/request.h"
#include "web/answer.h"

/* 200 with the image; 400 where there is no text, or more than QR_TEXT_MAX bytes. */
void qr_image_answer(const struct answer *answer, const struct http_request *request);

#endif
