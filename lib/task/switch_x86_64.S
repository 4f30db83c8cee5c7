/* The context switch for x86-64 (System V): rbx, rbp and r12 to r15 belong to the caller of a
 * function, so they travel on the stack. It ends in pop and jmp, not ret: the processor predicts a
 * ret by who called last, which is never right here. */
        .text

/* int weft__switch(void **save rdi, void *load rsi, void (*after)(void *) rdx, void *arg rcx) */
        .globl  weft__switch
        .hidden weft__switch
        .type   weft__switch, @function
        .p2align 4
weft__switch:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        testq   %rdx, %rdx
        jz      1f
        movq    %rcx, %rdi
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        callq   *%rdx
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
1:
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rcx
        xorl    %eax, %eax
        jmp     *%rcx
        .cfi_endproc
        .size   weft__switch, .-weft__switch

/* The base of every stack: the function in rbx, its argument in r12. A backtrace ends here. */
        .globl  weft__switch_start
        .hidden weft__switch_start
        .type   weft__switch_start, @function
        .p2align 4
weft__switch_start:
        .cfi_startproc
        .cfi_undefined %rip
        movq    %r12, %rdi
        xorl    %ebp, %ebp
        callq   *%rbx
        ud2
        .cfi_endproc
        .size   weft__switch_start, .-weft__switch_start

        .section .note.GNU-stack,"",@progbits
