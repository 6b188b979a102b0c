ALTER TABLE `activity_logs` ADD `action` varchar(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT 'api_call' NOT NULL;--> statement-breakpoint
CREATE INDEX `activity_session_ix` ON `activity_logs` (`user_id`,`session_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `activity_action_ix` ON `activity_logs` (`user_id`,`action`,`status`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `activity_session_action_ix` ON `activity_logs` (`user_id`,`session_id`,`action`,`status`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `activity_all_ix` ON `activity_logs` (`action`,`status`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_status_ix` ON `otps` (`user_id`,`status`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `otps_session_ix` ON `otps` (`user_id`,`requested_session_id`,`status`,`created_at`,`id`);