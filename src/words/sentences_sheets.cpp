// What sheets says, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"a device that is there", "已有的设备"},
    {"a device that is there; new ones are made by the sheet of devices", "已有的设备；新设备用设备表创建"},
    {"a property of its device type", "设备型号的属性"},
    {"a sheet renames at most {} devices, found {}; send it in parts",
     "一张表最多给 {0} 台设备改名，实际为 {1}：分几次发送"},
    {"line 1: expected a column \"name\" (设备)", "第 1 行：应有列“name”（设备）"},
    {"line 1: expected the columns \"device\" (设备) and \"property\" (属性)",
     "第 1 行：应有列“device”（设备）和“property”（属性）"},
    {"line 1: expected the names of the columns, found nothing", "第 1 行：应为列名，实际为空"},
    {"line 1: the column \"{}\" is no parameter of the template; expected {}",
     "第 1 行：列“{0}”不是模板的参数；可用：{1=}"},
    {"line 1: there is no column \"{}\"; did you mean \"{}\"?", "第 1 行：没有列“{0}”；是不是“{1}”？"},
    {"line 1: there is no column \"{}\"; expected some of {} ({})", "第 1 行：没有列“{0}”；可用：{2=}（{1=}）"},
    {"line 1: two columns are \"{}\"", "第 1 行：有两列都是“{0}”"},
    {"line 1: two columns are the parameter \"{}\"", "第 1 行：有两列都是参数“{0}”"},
    {"line {}: a cell has {} bytes, at most {} are taken", "第 {0} 行：一个单元格有 {1} 字节，最多 {2}"},
    {"line {}: a sheet has at most {} columns, found {}", "第 {0} 行：一张表最多 {1} 列，实际为 {2}"},
    {"line {}: a sheet has at most {} rows; send it in parts", "第 {0} 行：一张表最多 {1} 行：分几次发送"},
    {"line {}: has {} cells, but the header has {}", "第 {0} 行：有 {1} 个单元格，表头有 {2} 个"},
    {"line {}: there is no device \"{}\"", "第 {0} 行：没有设备“{1}”"},
    {"nothing, as it is to be deleted", "空，因为这一行要删除"},
    {"nothing: templates are applied on their own page", "空：套用模板在它自己的页面"},
    {"nothing: the device is gone, deleted or renamed; empty the cell to make it anew",
     "空：设备已删除或改名；清空这一格会重新创建"},
    {"one line a device; line {} has it already", "每台设备一行；第 {0} 行已有它"},
    {"one line a tag; line {} has it already", "每个点位一行；第 {0} 行已有它"},
    {"rows: at most {} machines are made at once, found {}", "rows: 一次最多创建 {0} 台设备，实际为 {1}"},
    {"rows: expected a list, found {}", "rows: 应为列表，实际为 {0}"},
    {"rows[{}]: expected an object, found {}", "rows[{0}]: 应为对象，实际为 {1}"},
    {"the path of a device, as plant/line/device", "设备的路径，例如 plant/line/device"},
    {"there is a connection \"{}\" already, to {} and not to {}", "已有连接“{0}”，它连到 {1=}，不是 {2=}"},
    {"there is a device \"{}\" already that was not made from this template", "已有设备“{0}”，它不是由这个模板建的"},
    {"there is a rule \"{}\" already", "已有规则“{0}”"},
    {"yes or no", "是或否"},
    {"{} \"{}\" would be made otherwise by line {} already{}", "{0}“{1}”在第 {2} 行已有，内容不同{3}"},
    {"{} characters could not be read as {}; save the sheet as UTF-8 (in Excel: CSV UTF-8) and send it again",
     "有 {0} 个字符不是 {1=}：把表格另存为 UTF-8（Excel 里选 CSV UTF-8）后重新发送"},
    {"{}: it belongs to the device type; change it there", "{0}: 它由设备型号规定：到型号里改"},
    {"{}: it was changed since the export; export again, or empty the cell to overwrite",
     "{0}: 导出之后已有改动：重新导出，或清空这一格以覆盖"},
};

}  // namespace

std::span<const Sentence> sentences_of_sheets() { return kSentences; }

}  // namespace gongshu::words
