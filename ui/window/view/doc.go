// Package view holds the window's dumb widgets: they show what they are given and call back with what the user meant.
// They hold no logic, open no files and know nothing of pipeline or session.
package view
