/** The site that a new installation follows; `pack` writes another one when it is told an address. */

export const SITE = { origins: [], root: '', intake: '' };
