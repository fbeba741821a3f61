# cmake -DMUTANT=<name> -DLIB=<lib/> -DOUTPUT=<file> -P mutate.cmake: writes the mutant's source.
cmake_minimum_required(VERSION 3.22)

function(mutant name source rule becomes property)
    if(NOT name STREQUAL MUTANT)
        return()
    endif()
    file(READ "${LIB}/${source}" text)
    string(FIND "${text}" "${rule}" first)
    string(FIND "${text}" "${rule}" last REVERSE)
    if(first EQUAL -1 OR NOT first EQUAL last)
        message(FATAL_ERROR "lib/${source} does not hold the rule of the mutant ${name} exactly once:\n${rule}\n"
                            "Say in tests/mutation/mutants.cmake how it stands there now.")
    endif()
    string(REPLACE "${rule}" "${becomes}" text "${text}")
    file(WRITE "${OUTPUT}" "${text}")
endfunction()

include("${CMAKE_CURRENT_LIST_DIR}/mutants.cmake")
