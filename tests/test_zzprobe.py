from test_transitions import *
def test_p(db, place, connection):
    e=db.trees.export_tree(place.slug)
    db.skills.deactivate(place.base)
    e=db.trees.export_tree(place.slug)
    print([(s.key,s.active,s.dependencies) for s in e.skills])
    print(db.trees.import_tree(e))
