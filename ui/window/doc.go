// Package window is Gesso's window: it lays out the widgets of package view, shows the snapshots of package session, and turns clicks,
// drops and menus into the session's methods. It must not work on pictures or run networks itself.
package window
