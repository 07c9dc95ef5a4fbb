@ Multiplication: r0 = r0 * r1.
@
@ The fast path is for two normal numbers whose product is normal and below 2^126.

    .section .text.__aeabi_fmul, "ax", %progbits
    .balign 4
    .global __aeabi_fmul
    .type __aeabi_fmul, %function
    .thumb_func
__aeabi_fmul:
    push    {r4, r5, lr}
    lsls    r2, r0, #1
    lsrs    r2, r2, #24
    beq     .Lmul_slow
    cmp     r2, #255
    beq     .Lmul_slow
    lsls    r3, r1, #1
    lsrs    r3, r3, #24
    beq     .Lmul_slow
    cmp     r3, #255
    beq     .Lmul_slow
    adds    r2, r2, r3
    subs    r2, #128                @ the product's exponent, less one or two
    cmp     r2, #251
    bhi     .Lmul_slow
    @ Signs and exponents in one: as long as the exponent is in range the signs add up to the sign.
    lsrs    r2, r0, #23
    lsrs    r3, r1, #23
    adds    r2, r2, r3
    subs    r2, #128
    mov     r12, r2
    @ Mantissas in two parts, of 8 and 16 bits.
    movs    r5, #128
    lsrs    r2, r0, #16
    orrs    r2, r2, r5
    uxtb    r2, r2
    lsrs    r3, r1, #16
    orrs    r3, r3, r5
    uxtb    r3, r3
    uxth    r0, r0
    uxth    r1, r1
    movs    r4, r0
    muls    r4, r1, r4              @ low, low
    muls    r0, r3, r0              @ low, high
    muls    r1, r2, r1              @ high, low
    muls    r2, r3, r2              @ high, high
    adds    r0, r0, r1
    lsls    r1, r0, #16
    lsrs    r0, r0, #16
    adds    r4, r4, r1
    adcs    r0, r0, r2              @ r0:r4 is the product, of 47 or 48 bits
    mov     r2, r12
    lsrs    r3, r0, #15
    bne     1f
    lsls    r2, r2, #23
    lsls    r0, r0, #9
    lsrs    r1, r4, #23
    adds    r0, r0, r1
    lsls    r4, r4, #10             @ carry: the first bit that is lost; zero: no further one is set
    beq     .Lmul_tie
    adcs    r0, r0, r2
    pop     {r4, r5, pc}
1:  adds    r2, #1
    lsls    r2, r2, #23
    lsls    r0, r0, #8
    lsrs    r1, r4, #24
    adds    r0, r0, r1
    lsls    r4, r4, #9
    beq     .Lmul_tie
    adcs    r0, r0, r2
    pop     {r4, r5, pc}
.Lmul_tie:
    bcc     2f                      @ nothing is lost
    lsrs    r1, r0, #1              @ carry: odd
2:  adcs    r0, r0, r2
    pop     {r4, r5, pc}
.Lmul_slow:
    bl      __softfloat_armv6m_mul
    pop     {r4, r5, pc}
    .size __aeabi_fmul, . - __aeabi_fmul
