# gongshu_embed(name folder gzip|raw): a library gs_<name> that holds every file of the folder and app/embedded.h's <name>().
function(gongshu_embed name folder how)
  set(out ${CMAKE_BINARY_DIR}/embedded)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*)
  add_custom_command(
    OUTPUT ${out}/${name}.S ${out}/${name}.cpp
    COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
    COMMAND ${CMAKE_SOURCE_DIR}/tools/embed.sh ${folder} ${out}/${name}.S ${out}/${name}.cpp ${name} ${how}
    DEPENDS ${CMAKE_SOURCE_DIR}/tools/embed.sh ${files}
    COMMENT "Packing ${folder}")
  add_library(gs_${name} STATIC ${out}/${name}.S ${out}/${name}.cpp)
  target_include_directories(gs_${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  set_source_files_properties(${out}/${name}.S PROPERTIES OBJECT_DEPENDS ${out}/${name}.cpp)
endfunction()
