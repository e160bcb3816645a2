#pragma once

namespace gongshu::history {

// Encodes and decodes columns of usual signals, and real ones from the folder of measurements named by GONGSHU_DATA if
// there is one: size and time a value, beside a copy of the column. 1 if something does not come back.
int bench_codec(bool small);

}  // namespace gongshu::history
