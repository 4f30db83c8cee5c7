# The examples: examples/NAME.c or examples/NAME/*.c becomes bin/NAME. They are what a user would
# write: public headers and the shared library, nothing else. examples/parts has what several share.

function(weft_example name)
    add_executable(example_${name} ${ARGN})
    weft_target(example_${name})
    set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name})
    target_link_libraries(example_${name} PRIVATE example_parts weft::weft Threads::Threads)
endfunction()

file(GLOB sources CONFIGURE_DEPENDS examples/parts/*.c)
add_library(example_parts STATIC ${sources})
weft_target(example_parts)

file(GLOB entries CONFIGURE_DEPENDS LIST_DIRECTORIES true examples/*)
list(FILTER entries EXCLUDE REGEX "/parts$")
foreach(entry ${entries})
    if(IS_DIRECTORY ${entry})
        file(GLOB sources CONFIGURE_DEPENDS ${entry}/*.c)
    elseif(entry MATCHES "\\.c$")
        set(sources ${entry})
    else()
        set(sources)
    endif()
    if(sources)
        get_filename_component(name ${entry} NAME_WE)
        weft_example(${name} ${sources})
    endif()
endforeach()
