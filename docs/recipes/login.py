"""A login in front of wschat: who knows a password gets a token, in a cookie that no script can read.

WSCHAT_KEY=keys flask --app login run      beside: wschat --token-key keys --allow-origin http://127.0.0.1:5000
"""
import base64
import hashlib
import hmac
import json
import os
import time

from flask import Flask, redirect, request, send_from_directory

app = Flask(__name__)
SECRET = open(os.environ["WSCHAT_KEY"], "rb").readline().strip()  # one secret a line, here without a name
USERS = {"ada": b"lovelace"}  # yours lie in a database, hashed


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(sub, seconds):
    caps = [{"rooms": ["tea", "team-*"], "allow": ["sub", "pub", "prs", "hst", "dir"]}]
    claims = {"sub": sub, "name": sub.title(), "exp": int(time.time()) + seconds, "caps": caps}
    signed = encoded(b'{"alg":"HS256","typ":"JWT"}') + b"." + encoded(json.dumps(claims).encode())
    return (signed + b"." + encoded(hmac.digest(SECRET, signed, hashlib.sha256))).decode()


@app.post("/login")
def login():
    name, password = request.form.get("name", ""), request.form.get("password", "").encode()
    if not hmac.compare_digest(USERS.get(name, os.urandom(16)), password):
        return "Wrong name or password.\n", 403
    answer = redirect("/")
    answer.set_cookie("wschat_token", token(name, 3600), max_age=3600, httponly=True, samesite="Strict", secure=request.is_secure)
    return answer


@app.get("/")
def page():
    return send_from_directory(app.root_path, "listen.html")
