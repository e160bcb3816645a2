#pragma once

#include <span>

#include "words/words.h"

// The lists of sentences, one a file, by the folder that says them. Not for other folders.
namespace gongshu::words {

std::span<const Sentence> sentences_of_api();
std::span<const Sentence> sentences_of_registry();
std::span<const Sentence> sentences_of_importer();
std::span<const Sentence> sentences_of_flow();
std::span<const Sentence> sentences_of_doors();
std::span<const Sentence> sentences_of_sheets();
std::span<const Sentence> sentences_of_wire();
std::span<const Sentence> sentences_of_meters();
std::span<const Sentence> sentences_of_aibus();
std::span<const Sentence> sentences_of_fins();
std::span<const Sentence> sentences_of_s7();
std::span<const Sentence> sentences_of_shdr();
std::span<const Sentence> sentences_of_http();
std::span<const Sentence> sentences_of_opcua();
std::span<const Sentence> sentences_of_sparkplug();
std::span<const Sentence> sentences_of_melsec();
std::span<const Sentence> sentences_of_iec104();
std::span<const Sentence> sentences_of_workbook();
std::span<const Sentence> sentences_of_history();
std::span<const Sentence> sentences_of_intervals();
std::span<const Sentence> sentences_of_ledger();
std::span<const Sentence> sentences_of_calendar();
std::span<const Sentence> sentences_of_money();
std::span<const Sentence> sentences_of_case();
std::span<const Sentence> sentences_of_package();
std::span<const Sentence> sentences_of_blob();
std::span<const Sentence> sentences_of_notify();
std::span<const Sentence> sentences_of_modbus();
std::span<const Sentence> sentences_of_sql();
std::span<const Sentence> sentences_of_system();

}  // namespace gongshu::words
