from django.contrib.auth.views import LogoutView
from django.urls import path

from organizations import views

urlpatterns = [
    path("", views.Home.as_view(), name="home"),
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("organization", views.ChooseOrganization.as_view(), name="choose-organization"),
]
