@ The product of two integers of 64 bits: r1:r0 = r1:r0 * r3:r2. Generators such as Pcg32 live on it.

    .section .text.__aeabi_lmul, "ax", %progbits
    .balign 4
    .global __aeabi_lmul
    .type __aeabi_lmul, %function
    .thumb_func
__aeabi_lmul:
    push    {r4, r5, lr}
    muls    r1, r2, r1              @ high, low
    muls    r3, r0, r3              @ low, high
    adds    r1, r1, r3
    @ Of both low words all 64 bits, by halves.
    lsrs    r3, r0, #16
    lsrs    r4, r2, #16
    uxth    r0, r0
    uxth    r2, r2
    movs    r5, r3
    muls    r5, r4, r5
    adds    r1, r1, r5
    muls    r3, r2, r3
    muls    r4, r0, r4
    muls    r0, r2, r0
    movs    r5, #0
    adds    r3, r3, r4
    adcs    r5, r5
    lsls    r5, r5, #16
    adds    r1, r1, r5
    lsls    r4, r3, #16
    lsrs    r3, r3, #16
    adds    r0, r0, r4
    adcs    r1, r1, r3
    pop     {r4, r5, pc}
    .size __aeabi_lmul, . - __aeabi_lmul
