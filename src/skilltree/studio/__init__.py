"""A local web page that shows the data as the platform sees it: ``skilltree studio``.

``server`` starts it and ``access`` lets in who has the token. ``database`` reads in read-only transactions as a
``viewpoint``. Each page is a function in ``catalogue``, ``learners``, ``trail``, ``queries`` or ``edits``; its template
is in ``templates``.
"""
