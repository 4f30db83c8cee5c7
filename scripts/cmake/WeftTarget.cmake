# How every C target of this project is compiled.

set(WEFT_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes)
if(WEFT_WERROR)
    list(APPEND WEFT_WARNINGS -Werror)
endif()

if(WEFT_SANITIZE)
    add_compile_options(-fsanitize=${WEFT_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${WEFT_SANITIZE})
endif()

# The warnings and _GNU_SOURCE for `target`.
function(weft_target target)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C>:${WEFT_WARNINGS}>")
endfunction()

# `target` is a shared object that leaves no symbol to be found at run time. A sanitizer's runtime is
# in the program, not in its libraries: there the linker cannot check it.
function(weft_closed target)
    if(NOT WEFT_SANITIZE)
        target_link_options(${target} PRIVATE -Wl,--no-undefined)
    endif()
endfunction()
