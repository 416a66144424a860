"""The paths. ``/health/live`` and ``/health/ready`` come from SkillTree's middleware."""

from django.urls import path

from learning import views
from skilltree.contrib.django import problem_view

urlpatterns = [
    path("users", views.register),
    path("sessions", views.log_in),
    path("sessions/current", views.log_out),
    path("trees", views.list_trees),
    path("trees/<slug:slug>", views.load_tree),
    path("leaderboard", views.leaderboard),
    path("trees/<uuid:tree_id>/start", views.start_tree),
    path("skills/<uuid:skill_id>/complete", views.complete_skill),
    path("me", views.dashboard),
    path("me/progress", views.progress),
    path("me/export", views.export),
]
handler400, handler403, handler404, handler500 = map(problem_view, (400, 403, 404, 500))
