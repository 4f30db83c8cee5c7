#include "work/nqueens.h"

bool nqueens_safe(const nqueens_board *b, int column)
{
    for (int row = 0; row < b->row; row++) {
        int away = b->row - row, aside = column - b->column[row];
        if (aside == 0 || aside == away || aside == -away)
            return false;
    }
    return true;
}

nqueens_board nqueens_place(const nqueens_board *b, int column)
{
    nqueens_board next = *b;
    next.column[next.row++] = (int8_t)column;
    return next;
}

int64_t nqueens_count(const nqueens_board *b)
{
    int64_t sum = 0;
    if (b->row == b->n)
        return 1;
    for (int column = 0; column < b->n; column++)
        if (nqueens_safe(b, column)) {
            nqueens_board next = nqueens_place(b, column);
            sum += nqueens_count(&next);
        }
    return sum;
}

int64_t nqueens_known(int n)
{
    static const int64_t known[] = {1,  1,   0,   0,    2,     10,    4,     40,
                                    92, 352, 724, 2680, 14200, 73712, 365596};
    return n >= 0 && n < (int)(sizeof known / sizeof *known) ? known[n] : -1;
}
