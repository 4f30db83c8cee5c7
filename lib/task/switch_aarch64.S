/* The context switch for aarch64 (AAPCS64): x19 to x30 and the lower halves of v8 to v15 belong to the
 * caller of a function, so they travel on the stack. It ends in br, not ret: the processor predicts a
 * ret by who called last, which is never right here. */
        .text

/* int weft__switch(void **save x0, void *load x1, void (*after)(void *) x2, void *arg x3) */
        .globl  weft__switch
        .hidden weft__switch
        .type   weft__switch, %function
        .p2align 4
weft__switch:
        .cfi_startproc
        sub     sp, sp, #160
        .cfi_def_cfa_offset 160
        stp     x19, x20, [sp]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        .cfi_offset x19, -160
        .cfi_offset x20, -152
        .cfi_offset x21, -144
        .cfi_offset x22, -136
        .cfi_offset x23, -128
        .cfi_offset x24, -120
        .cfi_offset x25, -112
        .cfi_offset x26, -104
        .cfi_offset x27, -96
        .cfi_offset x28, -88
        .cfi_offset x29, -80
        .cfi_offset x30, -72
        .cfi_offset b8, -64
        .cfi_offset b9, -56
        .cfi_offset b10, -48
        .cfi_offset b11, -40
        .cfi_offset b12, -32
        .cfi_offset b13, -24
        .cfi_offset b14, -16
        .cfi_offset b15, -8
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        cbz     x2, 1f
        mov     x0, x3
        blr     x2
1:
        ldp     x19, x20, [sp]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #160
        .cfi_def_cfa_offset 0
        .cfi_restore x19
        .cfi_restore x20
        .cfi_restore x21
        .cfi_restore x22
        .cfi_restore x23
        .cfi_restore x24
        .cfi_restore x25
        .cfi_restore x26
        .cfi_restore x27
        .cfi_restore x28
        .cfi_restore x29
        .cfi_restore x30
        .cfi_restore b8
        .cfi_restore b9
        .cfi_restore b10
        .cfi_restore b11
        .cfi_restore b12
        .cfi_restore b13
        .cfi_restore b14
        .cfi_restore b15
        mov     w0, #0
        br      x30
        .cfi_endproc
        .size   weft__switch, .-weft__switch

/* The base of every stack: the function in x19, its argument in x20. A backtrace ends here. */
        .globl  weft__switch_start
        .hidden weft__switch_start
        .type   weft__switch_start, %function
        .p2align 4
weft__switch_start:
        .cfi_startproc
        .cfi_undefined x30
        mov     x0, x20
        mov     x29, #0
        mov     x30, #0
        blr     x19
        brk     #0
        .cfi_endproc
        .size   weft__switch_start, .-weft__switch_start

        .section .note.GNU-stack,"",%progbits
