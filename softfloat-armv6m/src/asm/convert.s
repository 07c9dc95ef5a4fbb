@ Conversions between f32 and integers of 32 bits. No stack.

@ ---- from integers, signed and unsigned: to nearest, ties to even

    .section .text.__aeabi_i2f, "ax", %progbits
    .balign 4
    .global __aeabi_ui2f
    .type __aeabi_ui2f, %function
    .thumb_func
__aeabi_ui2f:
    movs    r3, #0
    cmp     r0, #0
    b       1f

    .global __aeabi_i2f
    .type __aeabi_i2f, %function
    .thumb_func
__aeabi_i2f:
    asrs    r3, r0, #31
    eors    r0, r0, r3
    subs    r0, r0, r3
1:  beq     .Lconvert_done
    @ Bit 31 first; the exponent, less the one that the implicit bit adds, falls from 157.
    movs    r2, #157
    lsrs    r1, r0, #16
    bne     1f
    lsls    r0, r0, #16
    subs    r2, #16
1:  lsrs    r1, r0, #24
    bne     1f
    lsls    r0, r0, #8
    subs    r2, #8
1:  lsrs    r1, r0, #28
    bne     1f
    lsls    r0, r0, #4
    subs    r2, #4
1:  lsrs    r1, r0, #30
    bne     1f
    lsls    r0, r0, #2
    subs    r2, #2
1:  cmp     r0, #0
    bmi     1f
    lsls    r0, r0, #1
    subs    r2, #1
1:  lsls    r2, r2, #23
    lsls    r3, r3, #31
    orrs    r2, r2, r3
    lsrs    r1, r0, #8
    lsls    r0, r0, #25             @ carry: the first bit that is lost; zero: no further one is set
    bne     1f
    bcc     1f                      @ nothing is lost
    lsrs    r0, r1, #1              @ carry: odd
1:  movs    r0, r1
    adcs    r0, r0, r2
.Lconvert_done:
    bx      lr
    .size __aeabi_i2f, . - __aeabi_i2f

@ ---- to integers: towards zero; out of range, the nearest that there is; zero for NaN

    .section .text.__aeabi_f2iz, "ax", %progbits
    .balign 4
    .global __aeabi_f2iz
    .type __aeabi_f2iz, %function
    .thumb_func
__aeabi_f2iz:
    lsls    r1, r0, #1
    lsrs    r1, r1, #24
    movs    r2, #158
    subs    r2, r2, r1              @ how far the mantissa has to be shifted from bit 31
    bls     1f
    lsls    r1, r0, #8
    movs    r3, #1
    lsls    r3, r3, #31
    orrs    r1, r1, r3
    lsrs    r1, r1, r2
    asrs    r0, r0, #31
    eors    r1, r1, r0
    subs    r0, r1, r0
    bx      lr
1:  @ At least 2^31.
    movs    r1, #255
    lsls    r1, r1, #24
    lsls    r2, r0, #1
    cmp     r2, r1
    bhi     2f
    asrs    r0, r0, #31
    movs    r1, #1
    lsls    r1, r1, #31
    subs    r1, #1
    eors    r0, r0, r1
    bx      lr
2:  movs    r0, #0
    bx      lr
    .size __aeabi_f2iz, . - __aeabi_f2iz

    .section .text.__aeabi_f2uiz, "ax", %progbits
    .balign 4
    .global __aeabi_f2uiz
    .type __aeabi_f2uiz, %function
    .thumb_func
__aeabi_f2uiz:
    lsrs    r1, r0, #23             @ with the sign: more than 255 for negative ones
    movs    r2, #158
    subs    r2, r2, r1
    blo     1f
    lsls    r0, r0, #8
    movs    r3, #1
    lsls    r3, r3, #31
    orrs    r0, r0, r3
    lsrs    r0, r0, r2
    bx      lr
1:  @ Negative, at least 2^32, or NaN.
    movs    r1, #255
    lsls    r1, r1, #23
    cmp     r0, r1
    bhi     2f
    movs    r0, #0
    mvns    r0, r0
    bx      lr
2:  movs    r0, #0
    bx      lr
    .size __aeabi_f2uiz, . - __aeabi_f2uiz
