#pragma once

namespace gongshu::history {

// Encodes and decodes columns of usual signals: size and time a value, beside a copy of the column. 1 if something does
// not come back. Real measurements: `gongshu bench real`.
int bench_codec(bool small);

}  // namespace gongshu::history
