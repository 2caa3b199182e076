/* Ring and send queues against the model, with a program that the fuzzer writes. */
#include "fuzz/ring_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model_run(data, size);
    return 0;
}
